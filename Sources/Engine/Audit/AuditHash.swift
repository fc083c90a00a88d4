import FeatureModel

/// 128 bits that stand for one row: what an audit sums.
///
/// Two lanes of a folded multiplication, started from the audit's own seed. *Source* of the step: Wang Yi, "wyhash".
///
/// **Why that is enough.** A bucket is the number of its rows and the sum of their hashes modulo 2^128: a multiset hash, which
/// depends on neither the order of rows nor the store they come from. *Source*: Bellare and Micciancio, "A New Paradigm for
/// Collision-Free Hashing" (AdHash), 1997; Clarke et al., "Incremental Multiset Hash Functions", 2003. Two different sets of
/// rows give one sum only where a difference of sums of independent 128-bit numbers is zero: one chance in 2^128 for ideal
/// numbers, and no less than one in 2^60 for these. A sum does not cancel where a row is there twice, as XOR does; and the hash
/// is not linear, as a CRC is, so that swapped values or flipped bits in two rows do not make up for each other. The seed is
/// drawn for each audit, so that no data can be made, or happen, to collide in every one of them.
struct AuditHash {
    private static let whiten: (UInt64, UInt64) = (0xA076_1D64_78BD_642F, 0x8EBC_6AF0_9C88_C6E3)
    private static let multiplier: (UInt64, UInt64) = (0xE703_7ED1_A0B4_28DB, 0x5899_65CC_7537_4CC3)

    private var lanes: (UInt64, UInt64)

    init(seed: UInt64) { lanes = (Self.fold(seed, Self.multiplier.0), Self.fold(~seed, Self.multiplier.1)) }

    private static func fold(_ word: UInt64, _ multiplier: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: multiplier)
        return product.high ^ product.low
    }

    mutating func absorb(_ word: UInt64) {
        lanes.0 = Self.fold(lanes.0 ^ word ^ Self.whiten.0, Self.multiplier.0)
        lanes.1 = Self.fold(lanes.1 &+ word ^ Self.whiten.1, Self.multiplier.1)
    }

    /// Takes bytes and their number, so that neighbouring fields cannot pass bytes to each other.
    mutating func absorb(_ bytes: ArraySlice<UInt8>) {
        absorb(UInt64(bytes.count))
        var offset = 0
        while offset + 8 <= bytes.count {
            absorb(bytes.littleEndian(at: offset))
            offset += 8
        }
        guard offset < bytes.count else { return }
        var last: UInt64 = 0
        for byte in bytes[(bytes.startIndex + offset)...].reversed() { last = last << 8 | UInt64(byte) }
        absorb(last)
    }

    var value: UInt128 {
        let high = Self.fold(lanes.0 ^ Self.whiten.1, Self.multiplier.1)
        let low = Self.fold(lanes.1 ^ high ^ Self.whiten.0, Self.multiplier.0)
        return UInt128(high) << 64 | UInt128(low)
    }
}

/// Hashes the latest rows of one group, whatever they are stored as.
///
/// Cells are hashed as the packed row of the newest schema (docs/formats/row.md), so that a row of an older schema version,
/// widened by either store, gives the same number in both.
struct RowHasher {
    let schema: GroupSchema
    private let layout: RowLayout
    private let seed: UInt64
    private var scratch: [UInt8] = []

    init(_ schema: GroupSchema, seed: UInt64) {
        self.schema = schema
        self.seed = seed
        layout = RowLayout(types: schema.features.map(\.type))
    }

    /// Whether the online store's packed bytes of a row of the newest schema are what we would pack: under null elements of
    /// arrays rows of earlier versions may have any bytes.
    var packedIsCanonical: Bool { !schema.features.contains { if case .array = $0.type { true } else { false } } }

    /// The hash of a key: `key.value` says where in the hash space it lies, and a row's hash goes on from there.
    func key(_ key: ArraySlice<UInt8>) -> AuditHash {
        var hash = AuditHash(seed: seed)
        hash.absorb(UInt64(schema.groupID))
        hash.absorb(key)
        return hash
    }

    func row(_ key: AuditHash, _ order: RowOrder, isTombstone: Bool, packed: ArraySlice<UInt8>) -> UInt128 {
        var hash = key
        hash.absorb(UInt64(bitPattern: order.eventTime))
        hash.absorb(order.position)
        hash.absorb(UInt64(order.row) << 1 | (isTombstone ? 1 : 0))
        hash.absorb(isTombstone ? [] : packed)
        return hash.value
    }

    mutating func row(
        _ key: AuditHash, _ order: RowOrder, isTombstone: Bool, features: [Column?], row: Int
    ) -> UInt128 {
        scratch.removeAll(keepingCapacity: true)
        if !isTombstone { RowCodec.append(features, row: row, layout: layout, to: &scratch) }
        return self.row(key, order, isTombstone: isTombstone, packed: scratch[...])
    }
}
