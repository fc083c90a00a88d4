public import FeatureModel

extension OnlineStore {
    /// Bytes of memory that the rows of an entry take at most, if all their keys are new: on average over many writes. Stripes
    /// take memory in pieces, so that one row may take up to 256 KiB now, and those behind it nothing.
    public static func memoryBytesMax(of entry: AppliedEntry) -> Int {
        // Slots are at least a quarter full, and pieces of records at least half.
        entry.batch.rowCount * 8 * 4 + 2 * recordBytesMax(of: entry)
    }

    private static func recordBytesMax(of entry: AppliedEntry) -> Int {
        let rows = entry.batch.rowCount
        // Header, padding, and the version before.
        var bytes = rows * (RowHeader.byteCount + 7 + 8)
        for key in entry.keyColumns { bytes += key.type.isText ? 2 * (key.byteCount + rows) : key.byteCount }
        guard entry.operation == .write else { return bytes }
        // A row has a slot for every feature of its schema, given or not.
        bytes += rows * RowLayout(types: entry.schema.features.map(\.type)).fixedBytes
        for (ordinal, column) in zip(entry.batch.ordinals, entry.batch.columns) where ordinal >= entry.schema.featureBase {
            switch column.type {
            case .string, .bytes: bytes += column.byteCount
            // A bool takes a byte in a row, a bit in a batch; a count and a bit for each element come on top.
            case .array(let element): bytes += rows * 5 + column.byteCount * (element == .bool ? 9 : 2)
            default: break
            }
        }
        return bytes
    }
}
