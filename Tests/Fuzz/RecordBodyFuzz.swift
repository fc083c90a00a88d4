// Compiled together with the sources of FeatureModel by `scripts/fuzz`: libFuzzer calls it with bytes of its own making.

/// What a server does with the body of a write: decodes it, reads every cell, and encodes it again.
///
/// - Returns: 0: libFuzzer may keep the input in its corpus.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecordBody(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    // A plan reads only what decodes.
    let schema = FuzzedSchema.schema
    let row = SingleRowPlan(bytes[...], schema: { _, _ in schema })?.row(bytes[...])
    guard let entries = try? RecordBody.decode(bytes[...]) else {
        precondition(row == nil, "a plan took a body that does not decode")
        return 0
    }
    for entry in entries {
        for column in entry.batch.columns {
            for place in 0..<column.count { _ = column.value(place) }
        }
    }
    if let row { check(row, entries[0]) }
    // What was read is the same in both forms, wherever the compact one takes it.
    let compact = RecordBody.encode(entries, isCompact: true)
    guard let again = try? RecordBody.decode(compact[...]) else { preconditionFailure("an encoded body does not decode") }
    precondition(again.count == entries.count && zip(again, entries).allSatisfy { $0.batch.bytes == $1.batch.bytes })
    return 0
}

private func check(_ row: SingleRow, _ entry: RecordEntry) {
    var (key, packed): ([UInt8], [UInt8]) = ([], [])
    row.appendKey(to: &key)
    row.appendFeatures(to: &packed)
    let schema = row.schema
    let features = schema.features.indices.map { entry.batch.column(ordinal: schema.featureBase + $0) }
    var expected: [UInt8] = []
    RowCodec.append(features, row: 0, layout: RowLayout(types: schema.features.map(\.type)), to: &expected)
    precondition(packed == expected && key == KeyCodec.key(row.entry.keyColumns, row: 0), "a plan packs another row")
}

private enum FuzzedSchema {
    static let schema = GroupSchema(
        groupID: 1, schemaVersion: 1, keys: [Field("id", .int64), Field("at", .int32)], eventTimeName: "time",
        features: [Field("a", .bool), Field("b", .float64), Field("c", .vector(3)), Field("d", .int32), Field("e", .string)])
}
