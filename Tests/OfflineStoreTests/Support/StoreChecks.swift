import Dispatch
import FeatureModel
import OfflineStore
import StorageIO
import TestSupport
import Testing

let testLogID: [UInt8] = Array(1...16)

/// Settings that make many blocks and many files of few rows.
func tinyOptions(_ random: inout SplitMix64) -> OfflineOptions {
    var options = OfflineOptions()
    options.blockRowsMax = random.chance(25) ? 1 + random.below(3) : 4 + random.below(12)
    options.blockBytesMax = random.chance(20) ? 200 : 1 << 20
    options.chunkBytesTarget = random.chance(50) ? 1_500 : 1 << 20
    options.runsPerLevelMax = 2 + random.below(3)
    return options
}

func openStore(
    _ storage: any Storage, options: OfflineOptions = OfflineOptions(), readOnly: Bool = false
) throws(HeadwaterError) -> OfflineStore {
    try OfflineStore(dataDirectory: "data", logID: testLogID, storage: storage, options: options, readOnly: readOnly)
}

/// Compares every kind of read of a view with the oracle.
struct StoreChecks {
    let history: RandomHistory
    let oracle: Oracle
    let label: String

    func check(_ view: OfflineView, _ random: inout SplitMix64) throws {
        let asOf: Position
        if random.chance(50) || view.position == view.oldestAsOf {
            asOf = view.position
        } else {
            asOf = view.oldestAsOf + UInt64(random.below(Int(view.position - view.oldestAsOf) + 1))
        }
        let first = history.schemaIndex(asOf: asOf)
        let schema = history.schemas[first + random.below(history.schemas.count - first)]
        let visible = oracle.visible(asOf: asOf)
        try checkScan(view, schema, asOf, visible, &random)
        try checkLatest(view, schema, asOf, visible, &random)
        try checkJoin(view, schema, asOf, visible, &random)
    }

    private func checkScan(
        _ view: OfflineView, _ schema: GroupSchema, _ asOf: Position, _ visible: [Oracle.Row], _ random: inout SplitMix64
    ) throws {
        let start = random.chance(40) ? RandomHistory.instant(&random) : nil
        let end = random.chance(40) ? RandomHistory.instant(&random) : nil
        let deletes = random.chance(50)
        let (keys, isWanted) = try keySet(schema, &random)
        let expected = Oracle.inOrder(
            visible.filter { row in
                if !isWanted(row.keys) { return false }
                if !schema.isStatic, let start, row.eventTime < start { return false }
                if !schema.isStatic, let end, row.eventTime >= end { return false }
                return deletes || !row.isDelete
            })
        let fields: RowFields = random.chance(50) ? .all : RowFields(rawValue: random.below(RowFields.all.rawValue + 1))
        let ordinals = schema.features.indices.map { schema.featureBase + $0 }.filter { _ in fields == .all || random.chance(50) }
        var scan = try view.scan(
            schema, columns: fields == .all ? nil : ordinals, start: start, end: end, keys: keys, asOf: asOf,
            includeDeletes: deletes,
            fields: fields, executor: random.chance(30) ? .threads : .serial)
        try compare(&scan, schema, expected, "scan at \(asOf)", fields, ordinals)
    }

    /// Some keys to limit a scan to, or none of that.
    private func keySet(
        _ schema: GroupSchema, _ random: inout SplitMix64
    ) throws -> (keys: KeySet?, isWanted: ([Value]) -> Bool) {
        guard random.chance(30) else { return (nil, { _ in true }) }
        let wanted = (0..<random.below(6)).map { _ in schema.keys.map { RandomHistory.key($0.type, &random) } }
        if schema.keys.isEmpty { return (nil, { _ in true }) }
        let columns = try schema.keys.indices.map { key in try Column(schema.keys[key].type, wanted.map { $0[key] }) }
        return (KeySet(columns), { wanted.contains($0) })
    }

    private func checkLatest(
        _ view: OfflineView, _ schema: GroupSchema, _ asOf: Position, _ visible: [Oracle.Row], _ random: inout SplitMix64
    ) throws {
        let time = random.chance(50) ? RandomHistory.instant(&random) : nil
        let (keys, isWanted) = try keySet(schema, &random)
        var latest: [[Value]: Oracle.Row] = [:]
        for row in visible where row.eventTime <= time ?? .max && isWanted(row.keys) {
            if let held = latest[row.keys], Oracle.isBefore(row, held) { continue }
            latest[row.keys] = row
        }
        var scan = try view.latest(schema, at: time, keys: keys, asOf: asOf, executor: random.chance(30) ? .threads : .serial)
        let ordinals = schema.features.indices.map { schema.featureBase + $0 }
        try compare(&scan, schema, Oracle.inOrder(Array(latest.values)), "latest at \(asOf)", .all, ordinals)
    }

    /// - Parameters:
    ///   - fields: what the scan was asked for; of others there is nothing.
    ///   - ordinals: of the features that it was asked for.
    private func compare(
        _ scan: inout RowScan, _ schema: GroupSchema, _ expected: [Oracle.Row], _ what: String, _ fields: RowFields,
        _ ordinals: [Int]
    ) throws {
        var next = 0
        while let batch = try scan.next() {
            #expect(batch.rowCount > 0)
            for row in 0..<batch.rowCount {
                guard next < expected.count else { break }
                let want = expected[next]
                next += 1
                func holds(_ field: RowFields, _ isSame: () -> Bool) -> Bool { !fields.contains(field) || isSame() }
                let isSame =
                    holds(.keys) { batch.keys.map { $0.value(row) } == want.keys }
                    && holds(.eventTime) { batch.eventTime.int64(row) == want.eventTime }
                    && holds(.ingestTime) { batch.ingestTime.int64(row) == want.ingestTime }
                    && holds(.position) { batch.position.int64(row) == Int64(want.position) }
                    && holds(.row) { batch.row.int64(row) == Int64(want.row) }
                    && holds(.isDelete) { batch.isDelete.bool(row) == want.isDelete }
                    && holds(.availableTime) {
                        (batch.availableTime?.value(row) ?? .null) == (want.availableTime.map { .timestamp($0) } ?? .null)
                    }
                let features = ordinals.map {
                    Oracle.widened(want.features[$0] ?? .null, schema.features[$0 - schema.featureBase].type)
                }
                if !isSame || batch.features.map({ $0.value(row) }) != features {
                    Issue.record("\(label): \(what): row \(next - 1) differs from \(want)")
                }
            }
        }
        if next != expected.count { Issue.record("\(label): \(what): \(next) rows where \(expected.count) are right") }
    }

    private func checkJoin(
        _ view: OfflineView, _ schema: GroupSchema, _ asOf: Position, _ visible: [Oracle.Row], _ random: inout SplitMix64
    ) throws {
        let count = random.below(10)
        var spine = (0..<count).map { _ in
            (
                schema.keys.map { random.chance(6) ? Value.null : RandomHistory.key($0.type, &random) },
                random.chance(5) ? nil : RandomHistory.instant(&random)
            )
        }
        if count > 2 { spine.append(spine[1]) }
        let keyColumns = try schema.keys.indices.map { key in
            try Column(schema.keys[key].type, spine.map { $0.0[key] })
        }
        let times = try Column(.timestamp, spine.map { $0.1.map { .timestamp($0) } ?? .null })
        let features = schema.features.indices.map { index in
            let type = schema.features[index].type
            let wide: FeatureType = random.chance(20) && type == .int32 ? .int64 : type
            return Lookup.Feature(ordinal: schema.featureBase + index, type: wide)
        }
        let maxAge: Microseconds? = random.chance(50) ? random.pick([1, 3, 10, .max]) : nil
        let byIngest = random.chance(50)
        let places = Array(keyColumns.indices)
        let keys = keyColumns + keyColumns.map { $0.gather((0..<spine.count).reversed()) }
        let lookup = Lookup(schema: schema, maxAge: maxAge, keys: places, features: features)
        // Lookups with the same keys share their order with the first, those with others must not.
        let turned = Lookup(schema: schema, maxAge: maxAge, keys: places.map { places.count + $0 }, features: features)
        let joined = try view.join(
            spineTimes: times, keys: keys, [lookup, turned, lookup], asOf: asOf, availability: byIngest ? .ingest : .event,
            executor: random.chance(30) ? .threads : .serial)
        let alone = try view.join(
            spineTimes: times, keys: keys, [turned], asOf: asOf, availability: byIngest ? .ingest : .event)
        for (index, pair) in [(joined[1], alone[0]), (joined[2], joined[0])].enumerated() {
            let isSame = zip(pair.0, pair.1).allSatisfy { $0.column.values == $1.column.values && $0.statuses == $1.statuses }
            if !isSame { Issue.record("\(label): join at \(asOf): group \(index + 1) is not what it is alone") }
        }
        for (index, feature) in features.enumerated() {
            let got = joined[0][index]
            #expect(got.column.count == spine.count && got.column.type == feature.type)
            for (row, (keys, time)) in spine.enumerated() {
                let (value, status) = oracle.joined(
                    keys: keys, time: time, ordinal: feature.ordinal, type: feature.type, maxAge: maxAge,
                    isStatic: schema.isStatic,
                    byIngest: byIngest, in: visible)
                if got.column.value(row) != value || got.statuses[row] != status {
                    let how = "\(byIngest ? "ingest" : "event"), max_age \(maxAge.map(String.init) ?? "-")"
                    let cell = "spine row \(row) \(keys) t \(time.map(String.init) ?? "null")"
                    let found = "\(got.column.value(row)) \(got.statuses[row])"
                    Issue.record("\(label): join at \(asOf), \(how), \(cell): \(found) where \(value) \(status) is right")
                }
            }
        }
    }
}

extension ParallelExecutor {
    /// Three threads of the system's pool, or as many as it lends.
    static let threads = ParallelExecutor(size: 3) { count, body in
        DispatchQueue.concurrentPerform(iterations: count) { body($0) }
    }
}
