import FeatureModel
import TestSupport
import Testing

@Suite struct SchemaTests {
    private let keys = [Field("origin", .string), Field("carrier", .int32)]
    private let features = [Field("temp", .float64), Field("\u{E9}", .bool)]

    @Test(arguments: [(nil, nil), ("t", nil), (nil, "a"), ("t", "a")] as [(String?, String?)])
    func ordinalsAreKeysTimesThenFeatures(eventTime: String?, availableTime: String?) {
        let schema = GroupSchema(
            groupID: 1, schemaVersion: 1, keys: keys, eventTimeName: eventTime, availableTimeName: availableTime,
            features: features)
        let names = ["origin", "carrier"] + [eventTime, availableTime].compactMap { $0 } + ["temp", "\u{E9}"]
        #expect(schema.columns.map(\.name) == names)
        #expect(schema.columnCount == names.count)
        #expect(schema.isStatic == (eventTime == nil))
        #expect(schema.eventTimeOrdinal == eventTime.map { _ in 2 })
        #expect(schema.availableTimeOrdinal == availableTime.map { _ in eventTime == nil ? 2 : 3 })
        #expect(schema.featureBase == names.count - 2)
        for (ordinal, field) in schema.columns.enumerated() {
            #expect(schema.type(ofOrdinal: ordinal) == field.type)
            #expect(schema.ordinal(ofColumn: field.name) == ordinal)
            #expect(schema.ordinal(ofFeature: field.name) == (ordinal < schema.featureBase ? nil : ordinal))
        }
    }

    @Test func namesAreComparedAsBytes() {
        let schema = GroupSchema(groupID: 1, schemaVersion: 1, keys: keys, eventTimeName: nil, features: features)
        #expect(schema.ordinal(ofFeature: "e\u{301}") == nil)
        #expect(schema.ordinal(ofColumn: "e\u{301}") == nil)
        #expect(schema.ordinal(ofColumn: "Temp") == nil)
    }

    @Test func anAppliedEntryKnowsTheTimesOfItsRows() throws {
        let schema = GroupSchema(
            groupID: 1, schemaVersion: 1, keys: [Field("k", .int64)], eventTimeName: "t", availableTimeName: "a", features: [])
        let key = try Column(.int64, [.int64(1), .int64(2)])
        let times = try Column(.timestamp, [.timestamp(10), .timestamp(20)])
        let available = try Column(.timestamp, [.null, .timestamp(15)])
        let batch = Batch(rowCount: 2, columns: [(0, key), (1, times), (2, available)])
        let entry = AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)
        #expect((0..<2).map { entry.eventTime($0, ingestTime: 99) } == [10, 20])
        #expect((0..<2).map { entry.availableTime($0, ingestTime: 99) } == [99, 15])
        let tombstone = AppliedEntry(
            schema: schema, operation: .delete, batch: Batch(rowCount: 2, columns: [(0, key)]), firstRow: 0)
        #expect(tombstone.eventTime(1, ingestTime: 99) == 99 && tombstone.availableTime(1, ingestTime: 99) == 99)
        #expect(tombstone.keyColumns.map(\.values) == [key.values])
    }
}
