internal import FeatureModel

/// The hash of a key, stable under one seed: snapshot files are in its order (docs/formats/snapshot.md).
///
/// *Source* of the mixing step: Wang Yi, "wyhash".
enum KeyHash {
    private static let whiten: UInt64 = 0xa076_1d64_78bd_642f
    private static let multiplier: UInt64 = 0xe703_7ed1_a0b4_28db

    static func hash(_ groupID: GroupID, _ key: RawSpan, seed: UInt64) -> UInt64 {
        var state = mix(seed, UInt64(groupID))
        var offset = 0
        while offset + 8 <= key.byteCount {
            state = mix(state, key.littleEndian(at: offset))
            offset += 8
        }
        if offset < key.byteCount {
            var last: UInt64 = 0
            for index in offset..<key.byteCount {
                last |= UInt64(key.littleEndian(at: index, as: UInt8.self)) << UInt64(8 * (index - offset))
            }
            state = mix(state, last)
        }
        return mix(mix(state, UInt64(key.byteCount)), seed)
    }

    private static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word ^ whiten).multipliedFullWidth(by: multiplier)
        return product.high ^ product.low
    }
}

/// Keys of one group, encoded and hashed, one for each row of a batch or a query.
struct EncodedKeys: Sendable {
    let groupID: GroupID
    private(set) var bytes: [UInt8] = []
    private(set) var hashes: [UInt64] = []
    private var ends: [Int] = []
    private var nulls: [Bool] = []

    /// Encodes a key for each row; no columns give the empty key.
    init(_ groupID: GroupID, _ columns: [Column], rowCount: Int, seed: UInt64) {
        self.groupID = groupID
        bytes.reserveCapacity(rowCount * 16)
        ends.reserveCapacity(rowCount)
        hashes.reserveCapacity(rowCount)
        nulls.reserveCapacity(rowCount)
        if KeyCodec.append(columns, rowCount: rowCount, to: &bytes, ends: &ends) {
            nulls = Array(repeating: false, count: rowCount)
            for row in 0..<rowCount { hashes.append(hash(range(row), seed: seed)) }
            return
        }
        for row in 0..<rowCount {
            nulls.append(!KeyCodec.append(columns, row: row, to: &bytes))
            finishKey(seed: seed)
        }
    }

    /// One key that is encoded already.
    init(_ groupID: GroupID, key: [UInt8], seed: UInt64) {
        self.groupID = groupID
        bytes = key
        nulls = [false]
        finishKey(seed: seed)
    }

    private mutating func finishKey(seed: UInt64) {
        let start = ends.last ?? 0
        ends.append(bytes.count)
        hashes.append(hash(start..<bytes.count, seed: seed))
    }

    private func hash(_ range: Range<Int>, seed: UInt64) -> UInt64 {
        KeyHash.hash(groupID, unsafe bytes.span.bytes.extracting(range), seed: seed)
    }

    var count: Int { ends.count }

    /// Whether a key column of this row is null; such a row has no key.
    func isNull(_ row: Int) -> Bool { nulls[row] }

    func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : ends[row - 1])..<ends[row] }

    /// Whether key `row` is just these bytes.
    func equals(_ row: Int, _ other: RawSpan) -> Bool { areEqual(unsafe bytes.span.bytes.extracting(range(row)), other) }
}
