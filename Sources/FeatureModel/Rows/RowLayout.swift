/// Where each feature of a packed row lies, for one schema version (docs/formats/row.md).
///
/// A packed row is `null bits | fixed slots | heap`: a bit for each feature (1 = null), a slot of the type's width for each
/// feature, and behind them the bytes of strings, bytes and arrays, which a slot names as (offset, length), both uint32,
/// offset from the row's start.
public struct RowLayout: Sendable, Hashable {
    public let types: [FeatureType]
    /// Byte offset of each feature's slot from the row's start.
    public let slots: [Int]
    /// Bytes of null bits and slots: the least a row has.
    public let fixedBytes: Int

    public init(types: [FeatureType]) {
        self.types = types
        var offset = bitmapBytes(types.count)
        var slots: [Int] = []
        for type in types {
            slots.append(offset)
            offset += Self.slotBytes(type)
        }
        self.slots = slots
        fixedBytes = offset
    }

    static func slotBytes(_ type: FeatureType) -> Int {
        type == .bool ? 1 : type.fixedWidth ?? 8
    }
}
