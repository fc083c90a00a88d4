import FeatureModel
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

let logID: [UInt8] = Array(0..<16)

/// A group under test: its schema versions, and the few keys that its rows have.
struct TestGroup {
    private(set) var schemas: [GroupSchema]
    let keys: [Column]
    let keyCount: Int

    var newest: GroupSchema { schemas.last! }

    init(_ id: GroupID, keyCount: Int, _ random: inout SplitMix64) {
        let schema = random.schema(groupID: id)
        schemas = [schema]
        self.keyCount = keyCount
        keys = schema.keys.map { random.column($0.type, count: keyCount, nulls: 0) }
    }

    /// A schema change: a new feature, or a wider one.
    mutating func evolve(_ random: inout SplitMix64) {
        var features = newest.features
        let narrow = features.indices.filter { features[$0].type == .int32 || features[$0].type == .float32 }
        if !narrow.isEmpty, random.chance(0.5) {
            let index = random.pick(Array(narrow))
            features[index] = Field(features[index].name, features[index].type == .int32 ? .int64 : .float64)
        } else {
            features.append(Field("feature\(features.count)", random.type()))
        }
        schemas.append(
            GroupSchema(
                groupID: newest.groupID, schemaVersion: newest.schemaVersion + 1, keys: newest.keys,
                eventTimeName: newest.eventTimeName, availableTimeName: newest.availableTimeName, features: features))
    }

    /// Rows for random keys, with event times so close that many tie.
    func entry(firstRow: Int, _ random: inout SplitMix64) -> AppliedEntry {
        let schema = random.chance(0.8) ? newest : random.pick(schemas)
        let isDelete = random.chance(0.2)
        let rows = (0..<random.int(0...6)).map { _ in random.int(0...keyCount - 1) }
        var columns = keys.enumerated().map { (ordinal: $0.offset, column: $0.element.gather(rows)) }
        if let ordinal = schema.eventTimeOrdinal, !isDelete || random.chance(0.5) {
            let times = rows.map { _ in Value.timestamp(Int64(random.int(0...60))) }
            columns.append((ordinal, try! Column(.timestamp, times)))
        }
        if !isDelete {
            for (index, field) in schema.features.enumerated() where !random.chance(0.1) {
                columns.append((schema.featureBase + index, random.column(field.type, count: rows.count)))
            }
        }
        return AppliedEntry(
            schema: schema, operation: isDelete ? .delete : .write, batch: Batch(rowCount: rows.count, columns: columns),
            firstRow: firstRow)
    }
}

/// A store, a dictionary that says what it should hold, and the records that made both.
struct World {
    var random: SplitMix64
    var storage: MemoryStorage
    var store: OnlineStore
    var oracle = Oracle()
    private(set) var records: [AppliedRecord] = []
    private(set) var groups: [TestGroup]
    private var position: Position = 0
    private var ingestTime: Microseconds = 30

    init(seed: UInt64, groupCount: Int = 3, keyCount: Int = 12) throws {
        random = SplitMix64(seed: seed)
        storage = MemoryStorage()
        store = try OnlineStore.open(storage, directory: "online", seed: seed, logID: logID)
        groups = []
        for id in 1...groupCount { groups.append(TestGroup(GroupID(id), keyCount: keyCount, &random)) }
    }

    /// Applies one more record to both.
    mutating func step() {
        position += Position(random.int(1...3))
        ingestTime += Int64(random.int(0...1))
        var entries: [AppliedEntry] = []
        var cutoff: RetentionCutoff?
        if random.chance(0.03) {
            cutoff = RetentionCutoff(groupID: random.pick(groups).newest.groupID, cutoff: Int64(random.int(0...40)))
        } else if random.chance(0.05) {
            groups[random.int(0...groups.count - 1)].evolve(&random)
        }
        if cutoff == nil {
            for _ in 0..<random.int(0...3) {
                let firstRow = entries.reduce(0) { $0 + $1.batch.rowCount }
                entries.append(random.pick(groups).entry(firstRow: firstRow, &random))
            }
        }
        let record = AppliedRecord(position: position, ingestTime: ingestTime, cutoff.map { .cutoff($0) } ?? .rows(entries))
        records.append(record)
        store.apply(record)
        oracle.apply(record)
    }

    mutating func snapshot() throws {
        let cut = store.beginSnapshot()
        try store.adopt(store.writeSnapshot(cut, extra: extra(at: cut.position)))
    }

    func extra(at position: Position) -> [UInt8] { Array("extra at \(position)".utf8) }

    /// Kills the process; a new one opens the directory and applies the rest of the log.
    mutating func reopen(on storage: MemoryStorage? = nil) throws {
        self.storage = storage ?? self.storage.kill()
        store = try OnlineStore.open(self.storage, directory: "online", seed: 999, logID: logID)
        if store.appliedPosition > 0 { #expect(store.recoveredExtra == extra(at: store.appliedPosition)) }
        for record in records { store.apply(record) }
    }

    /// Reads every key of every group, and compares.
    mutating func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(store.appliedPosition == oracle.position, sourceLocation: sourceLocation)
        for group in groups {
            let features = group.newest.features.enumerated().filter { _ in random.chance(0.7) }.map {
                Lookup.Feature(ordinal: group.newest.featureBase + $0.offset, type: $0.element.type)
            }
            let query = OnlineQuery(
                groupID: group.newest.groupID, features: features, maxAge: random.chance(0.5) ? Int64(random.int(0...60)) : nil,
                keyColumns: group.keys)
            let now = Int64(random.int(0...120))
            let result = try store.get(query, now: now)
            for row in 0..<group.keyCount {
                let expected = oracle.read(query, row: row, now: now)
                let found = features.indices.map {
                    Oracle.Cell(value: result.columns[$0].value(row), status: result.statuses[$0][row])
                }
                #expect(found == expected, "group \(query.groupID), key \(row)", sourceLocation: sourceLocation)
            }
        }
    }

    /// Walks over a view and compares it with `oracle`, all rows of all groups.
    func check(_ view: OnlineReadView, _ oracle: Oracle, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let statistics = try view.statistics()
        for group in groups {
            let id = group.newest.groupID
            let expected = oracle.latest(id)
            var seen: Set<[UInt8]> = []
            try view.forEachBatch(of: id, rowsMax: 5) { batch throws(HeadwaterError) in
                for row in 0..<batch.rowCount {
                    let key = Array(batch.keyBytes[row])
                    seen.insert(key)
                    let want = expected[key]
                    #expect(batch.orders[row] == want?.order, sourceLocation: sourceLocation)
                    #expect(batch.tombstones[row] == want?.isTombstone, sourceLocation: sourceLocation)
                    #expect(KeyCodec.key(batch.keys, row: row) == key, sourceLocation: sourceLocation)
                    for (index, column) in batch.features.enumerated() {
                        let value = want.map { index < $0.values.count ? $0.values[index] : .null }
                        #expect(
                            column.value(row) == value.map { Oracle.widen($0, to: column.type) }, sourceLocation: sourceLocation)
                    }
                }
            }
            #expect(seen == Set(expected.keys), sourceLocation: sourceLocation)
            #expect(statistics[id]?.rows ?? 0 == expected.count, sourceLocation: sourceLocation)
            #expect(
                statistics[id]?.tombstones ?? 0 == expected.values.count { $0.isTombstone }, sourceLocation: sourceLocation)
        }
    }
}
