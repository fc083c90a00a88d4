import Catalog
@testable import Engine
import FeatureModel
import OnlineStore
import TestDisks
import TestSupport
import Testing

/// Rows that go by the plan of their stream end as they would by the columns of their entries.
@Suite struct SingleRowTests {
    private static let now: Microseconds = 1_700_000_000_000_000

    /// One row of a schema, its event time not in the future.
    private func row(_ schema: GroupSchema, _ random: inout SplitMix64) -> RecordEntry {
        let batch = random.batch(schema, rowCount: 1, nulls: random.pick([0, 0.3, 1]))
        let columns = zip(batch.ordinals, batch.columns).map { ordinal, column in
            guard ordinal == schema.eventTimeOrdinal else { return (ordinal, column) }
            var times = ColumnBuilder(.timestamp)
            times.append(int64: Self.now - Int64(random.int(0...5)))
            return (ordinal, times.finish())
        }
        return RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: .write,
            batch: Batch(rowCount: 1, columns: columns))
    }

    @Test(arguments: testSeeds)
    func aRowByItsPlanIsPackedAsByItsColumns(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var planned = 0
        for _ in 0..<300 {
            let schema = random.schema(groupID: GroupID(random.int(1...500)), schemaVersion: UInt32(random.int(1...300)))
            let entry = row(schema, &random)
            let body = RecordBody.encode([entry], isCompact: true)
            guard let plan = SingleRowPlan(body[...], schema: { _, _ in schema }) else { continue }
            planned += 1
            // Another row of the same form goes by the same plan, wherever its bytes lie.
            let shifted = shifted(body, by: random.int(0...7))
            let row = try #require(plan.row(shifted))
            let applied = AppliedEntry(schema: schema, operation: .write, batch: entry.batch, firstRow: 0)
            #expect(row.eventTime == applied.eventTime(0, ingestTime: 1))
            var key: [UInt8] = []
            row.appendKey(to: &key)
            #expect(key == KeyCodec.key(applied.keyColumns, row: 0))
            var packed: [UInt8] = [1, 2, 3]
            row.appendFeatures(to: &packed)
            var expected: [UInt8] = [1, 2, 3]
            let features = schema.features.indices.map { entry.batch.column(ordinal: schema.featureBase + $0) }
            RowCodec.append(features, row: 0, layout: RowLayout(types: schema.features.map(\.type)), to: &expected)
            #expect(packed == expected)
            #expect(row.entry.batch.bytes == entry.batch.bytes)
        }
        #expect(planned > 5, "random schemas of fixed width are not that rare")
    }

    @Test func aPlanReadsNoBodyOfAnotherForm() throws {
        let schema = GroupSchema(
            groupID: 1, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "at",
            features: [Field("a", .float64), Field("b", .bool), Field("c", .int32)])
        func body(_ columns: [(Int, Column)], rows: Int = 1, _ operation: FeatureModel.Operation = .write) -> [UInt8] {
            RecordBody.encode(
                [
                    RecordEntry(
                        groupID: 1, schemaVersion: 1, operation: operation, batch: Batch(rowCount: rows, columns: columns))
                ], isCompact: true)
        }
        func plan(_ body: [UInt8]) -> SingleRowPlan? { SingleRowPlan(body[...]) { $0 == 1 && $1 == 1 ? schema : nil } }
        let (id, at) = (try Column(.int64, [.int64(7)]), try Column(.timestamp, [.timestamp(5)]))
        let (a, b) = (try Column(.float64, [.float64(1)]), try Column(.bool, [.bool(true)]))
        let null = try Column(.float64, [.null])
        let whole = body([(0, id), (1, at), (2, a), (3, b)])
        let known = try #require(plan(whole))
        #expect(known.row(whole[...]) != nil)
        // Another set of columns, a null, a byte more or less, two rows, a delete, a batch.
        for other in [
            body([(0, id), (1, at), (2, a)]), body([(0, id), (1, at), (2, null), (3, b)]), whole + [0], whole.dropLast(),
            body([(0, id), (1, at)], .delete), RecordBody.encode(try RecordBody.decode(whole[...])), [],
        ] { #expect(known.row(other[...]) == nil) }
        // What has no plan: a delete, a null key or time, a missing one, another type, an unknown column or group.
        for none in [
            body([(0, id), (1, at)], .delete), body([(0, try Column(.int64, [.null])), (1, at)]),
            body([(0, id), (1, try Column(.timestamp, [.null]))]), body([(0, id), (2, a)]), body([(1, at), (2, a)]),
            body([(0, id), (1, at), (2, try Column(.float32, [.float32(1)]))]), body([(0, id), (1, at), (5, a)]),
        ] { #expect(plan(none) == nil) }
        #expect(SingleRowPlan(whole[...]) { _, _ in nil } == nil)
        // A cell that is said to be null and is not.
        var liar = body([(0, id), (1, at), (2, null), (3, b)])
        let nulls = try #require(plan(liar))
        let validity = liar.count - 1 - 8 - 1
        #expect(nulls.row(liar[...]) != nil)
        liar[validity] = 1
        #expect(nulls.row(liar[...]) == nil && plan(liar)?.row(liar[...]) == nil)
        #expect(refusal { try RecordBody.decode(liar[...]) }?.code == .invalidArgument)
    }

    /// More forms than there are plans, each row a form of its own: all are read, and what is usual keeps its plan.
    @Test func rowsOfManyFormsAreReadToo() throws {
        let store = try Store(MemoryStorage())
        try store.define(
            """
            project: shop
            entities:
              - {name: customer, keys: [{name: id, type: int64}]}
            feature_groups:
              - name: wide
                entity: customer
                event_time: at
                features:
            \((0..<10).map { "      - {name: f\($0), type: int64}" }.joined(separator: "\n"))
            """)
        for form in 0..<300 {
            let cells: [Value] = (0..<10).map { form >> $0 & 1 == 1 ? .null : .int64(Int64(form)) }
            try store.write(
                store.body("wide", rows: [[.int64(Int64(form)), .timestamp(store.now)] + cells]))
        }
        for form in 0..<300 {
            for feature in 0..<10 {
                let (value, _) = try store.get("wide:f\(feature)", id: Int64(form))
                #expect(value == (form >> feature & 1 == 1 ? .null : .int64(Int64(form))))
            }
        }
        #expect(try store.audit().isEmpty)
    }
}
