import FeatureModel

/// One number for one latest row: key, order, tombstone and every feature cell, whatever the row is stored as.
///
/// Cells are digested as the packed row of the newest schema, so a row of an older schema version, widened by either store,
/// gives the same number in both. FNV-1a, 64 bits. *Source*: Fowler, Noll, Vo; http://www.isthe.com/chongo/tech/comp/fnv/
struct RowDigester {
    private let layout: RowLayout
    private var scratch: [UInt8] = []

    init(_ schema: GroupSchema) { layout = RowLayout(types: schema.features.map(\.type)) }

    mutating func digest(
        key: ArraySlice<UInt8>, order: RowOrder, isTombstone: Bool, features: [Column], row: Int
    ) -> UInt64 {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(littleEndian: UInt32(key.count))
        scratch.append(contentsOf: key)
        scratch.append(littleEndian: order.eventTime)
        scratch.append(littleEndian: order.position)
        scratch.append(littleEndian: order.row)
        scratch.append(isTombstone ? 1 : 0)
        if !isTombstone { RowCodec.append(features, row: row, layout: layout, to: &scratch) }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in scratch { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }

    /// The bucket of a key: the same in both stores, whatever their hash seeds.
    static func bucket(_ key: ArraySlice<UInt8>, of count: Int) -> Int { Int(CRC32C.checksum(key)) % count }
}
