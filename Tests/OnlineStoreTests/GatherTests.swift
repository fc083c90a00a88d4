import FeatureModel
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Answers written straight from rows: of any types, any row counts, several groups, outputs in any order.
struct GatherTests {
    private static let keyCount = 50

    private func schema(_ id: GroupID, _ types: [FeatureType]) -> GroupSchema {
        GroupSchema(
            groupID: id, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "t",
            features: types.enumerated().map { Field("f\($0.offset)", $0.element) })
    }

    /// A column for each feature of every key.
    private func fill(
        _ store: OnlineStore, _ schema: GroupSchema, at position: Position, nulls: Double, _ random: inout SplitMix64
    ) -> [Column] {
        let features = schema.features.map { random.column($0.type, count: Self.keyCount, nulls: nulls) }
        let ids = (0..<Int64(Self.keyCount)).map { Optional($0) }
        let columns = [int64s(ids), timestamps(ids.map { $0! * 10 })] + features
        let batch = Batch(rowCount: Self.keyCount, columns: columns.enumerated().map { ($0.offset, $0.element) })
        store.apply(
            AppliedRecord(
                position: position, ingestTime: 1,
                .rows([AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)])))
        return features
    }

    private func plan(_ schemas: [GroupSchema], _ outputs: [OnlineReadPlan.Output], maxAge: Int64? = nil) -> OnlineReadPlan {
        OnlineReadPlan(
            lookups: schemas.map { schema in
                Lookup(
                    schema: schema, maxAge: maxAge, keys: [0],
                    features: schema.features.enumerated().map {
                        Lookup.Feature(ordinal: schema.featureBase + $0.offset, type: $0.element.type)
                    })
            }, outputs: outputs)
    }

    /// Reads twice, once from the map and once from a snapshot, and compares with what was written.
    private func check(
        _ types: [[FeatureType]], nulls: Double, missing: Bool, _ random: inout SplitMix64
    ) throws {
        let store = try openStore(MemoryStorage())
        let schemas = types.enumerated().map { schema(GroupID($0.offset + 1), $0.element) }
        var written: [[Column]] = []
        for (index, schema) in schemas.enumerated() {
            written.append(fill(store, schema, at: Position(index + 1), nulls: nulls, &random))
        }
        var outputs = types.indices.flatMap { lookup in
            types[lookup].indices.map { OnlineReadPlan.Output(lookup: lookup, feature: $0) }
        }
        if random.chance(0.5) { outputs.shuffle(using: &random) }
        let plan = plan(schemas, outputs)
        let reader = OnlineReader(store)
        for isMapped in [false, true] {
            if isMapped { try store.snapshot() }
            for rows in [0, 1, 2, 3, 7, 8, 9, 33, 64] {
                let ids: [Int64?] = (0..<rows).map { _ in
                    missing && random.chance(0.1) ? (random.chance(0.5) ? nil : 999) : Int64(random.int(0...Self.keyCount - 1))
                }
                let (packed, times) = try reader.read(plan, keys: [int64s(ids)], rowCount: rows, now: 0) {
                    (answer) throws(HeadwaterError) in
                    let bytes = answer.encode(eventTimes: true)
                    #expect(bytes.count <= answer.byteCountMax(eventTimes: true))
                    #expect(answer.position == Position(schemas.count))
                    return (
                        try PackedColumns(decoding: bytes[...], types: outputs.map { types[$0.lookup][$0.feature] }),
                        bytes.count
                    )
                }
                if rows > 1 {
                    let start = random.int(0...rows - 1)
                    let some = start..<random.int(start + 1...rows)
                    let narrowed = try reader.read(plan, keys: [int64s(ids)], rowCount: rows, now: 0) { answer in
                        var answer = answer
                        answer.narrow(to: some)
                        return answer.encode(eventTimes: true)
                    }
                    let alone = try reader.read(plan, keys: [int64s(Array(ids[some]))], rowCount: some.count, now: 0) {
                        $0.encode(eventTimes: true)
                    }
                    #expect(narrowed == alone)
                }
                #expect(times % 8 == 0 && packed.header.tag == Position(schemas.count))
                for (output, (column, times)) in zip(outputs, zip(packed.columns, packed.eventTimes)) {
                    let source = written[output.lookup][output.feature]
                    for row in 0..<rows {
                        let id = ids[row].flatMap { $0 < Self.keyCount ? Int($0) : nil }
                        #expect(column.value(row) == id.map { source.value($0) } ?? .null)
                        #expect(times[row] == id.map { Int64($0) * 10 } ?? EventTime.always)
                        let status: CellStatus = id.map { source.isNull($0) ? .nullValue : .present } ?? .notFound
                        let seen = packed.statuses.isEmpty ? .present : packed.statuses[outputs.firstIndex(of: output)!][row]
                        #expect(seen == status)
                    }
                }
            }
        }
    }

    @Test(arguments: testSeeds) func wholeRowsOfFixedWidth(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let fixed: [FeatureType] = [.int64, .int64, .int64, .float64, .timestamp, .int32, .float32, .vector(3), .vector(4)]
        for _ in 0..<3 {
            let types = (0..<random.int(1...3)).map { _ in (0..<random.int(1...24)).map { _ in random.pick(fixed) } }
            try check(types, nulls: 0, missing: random.chance(0.3), &random)
        }
        try check([Array(repeating: .int64, count: 50)], nulls: 0, missing: false, &random)
    }

    @Test(arguments: testSeeds) func rowsOfEveryTypeWithNullsAndMissingKeys(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let all = FeatureType.allScalars + FeatureType.allScalars.map { .array($0) } + [.vector(5)]
        try check([all], nulls: 0.2, missing: true, &random)
        try check([all.shuffled(using: &random), all], nulls: random.chance(0.5) ? 0 : 0.1, missing: false, &random)
    }

    @Test func whatGetsFindIsCounted() throws {
        var random = SplitMix64(seed: 5)
        let store = try openStore(MemoryStorage())
        let schema = schema(1, [.int64])
        _ = fill(store, schema, at: 1, nulls: 0, &random)
        let reader = OnlineReader(store)
        let output = [OnlineReadPlan.Output(lookup: 0, feature: 0)]
        // Key 10 is of time 100: with now 250 and max_age 150 just inside, key 9 outside.
        _ = try reader.read(
            plan([schema], output, maxAge: 150), keys: [int64s([10, 9, 999, nil])], rowCount: 4, now: 250
        ) { $0.count() }
        _ = try store.get(query([1, 2]), now: 0, isCounted: false)
        let counted = try #require(store.readCounters[1]?.current)
        #expect(counted == (1, 2, 1))
    }

    /// A narrowed answer is that of its rows alone, also where others are of an older version or too old.
    @Test func narrowedToRowsOfOneVersionAndAge() throws {
        var random = SplitMix64(seed: 9)
        let store = try openStore(MemoryStorage())
        _ = fill(store, schema(1, [.int64]), at: 1, nulls: 0, &random)
        let newer = GroupSchema(
            groupID: 1, schemaVersion: 2, keys: [Field("id", .int64)], eventTimeName: "t",
            features: [Field("f0", .int64), Field("f1", .int64)])
        let ids: [Int64?] = (20..<40).map { Optional($0) }
        let columns = [int64s(ids), timestamps(ids.map { $0! * 10 }), int64s(ids), int64s(ids)]
        let batch = Batch(rowCount: 20, columns: columns.enumerated().map { ($0.offset, $0.element) })
        store.apply(
            AppliedRecord(
                position: 2, ingestTime: 1, .rows([AppliedEntry(schema: newer, operation: .write, batch: batch, firstRow: 0)])))
        let outputs = [OnlineReadPlan.Output(lookup: 0, feature: 0), OnlineReadPlan.Output(lookup: 0, feature: 1)]
        let plan = plan([newer], outputs, maxAge: 100)
        let reader = OnlineReader(store)
        let asked = (15..<30).map { Optional(Int64($0)) }
        var wholeCount = 0
        try reader.read(plan, keys: [int64s(asked)], rowCount: asked.count, now: 270) { (answer) throws(HeadwaterError) in
            var answer = answer
            for start in asked.indices {
                for end in start + 1...asked.count {
                    answer.narrow(to: start..<end)
                    let narrowed = answer.encode(eventTimes: false)
                    let alone = try OnlineReader(store).read(
                        plan, keys: [int64s(Array(asked[start..<end]))], rowCount: end - start, now: 270
                    ) { $0.encode(eventTimes: false) }
                    #expect(narrowed == alone)
                    if try PackedColumns(decoding: narrowed[...], types: [.int64, .int64]).statuses.isEmpty { wholeCount += 1 }
                }
            }
        }
        // Keys 15 and 16 are too old, those up to 19 lack a feature; ten are whole, in 55 ranges.
        #expect(wholeCount == 55)
    }

    @Test func readsThatArePinnedSeeOnePositionUntilTheyAreNot() throws {
        let store = try openStore(MemoryStorage())
        store.apply(writing(1, [(7, 1, 1)]))
        let reader = OnlineReader(store)
        let plan = plan([plainSchema], [OnlineReadPlan.Output(lookup: 0, feature: 0)])
        func value() throws -> (Value, Position) {
            try reader.read(plan, keys: [int64s([7])], rowCount: 1, now: 0) { (answer) throws(HeadwaterError) in
                (try answer.columns().columns[0].value(0), answer.position)
            }
        }
        reader.pin()
        [UInt8](repeating: 0, count: 8)[...].withBytes { reader.expect(plan, key: $0, type: .int64) }
        reader.loadExpected()
        for position: Position in 2...3_000 { store.apply(writing(position, [(7, Int64(position), Int64(position))])) }
        #expect(try value() == (.int64(1), 1))
        try store.snapshot()
        #expect(try value() == (.int64(1), 1))
        reader.unpin()
        #expect(try value() == (.int64(3_000), 3_000))
    }
}
