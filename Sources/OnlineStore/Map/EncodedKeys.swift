internal import FeatureModel

/// The hash of a key, stable under one seed: snapshot files are in its order (docs/formats/snapshot.md).
///
/// *Source* of the mixing step: Wang Yi, "wyhash".
enum KeyHash {
    private static let whiten: UInt64 = 0xa076_1d64_78bd_642f
    private static let multiplier: UInt64 = 0xe703_7ed1_a0b4_28db

    @inline(__always)
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

    @inline(__always)
    private static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word ^ whiten).multipliedFullWidth(by: multiplier)
        return product.high ^ product.low
    }
}

/// Keys of one group, encoded and hashed, one for each row of a batch
/// or a query. May be used again and again: it keeps its memory.
struct EncodedKeys: Sendable {
    private(set) var groupID: GroupID = 0
    private(set) var bytes: [UInt8] = []
    private(set) var hashes: [UInt64] = []
    /// Bytes of each key, where all are of one width; else `ends` says.
    private var width: Int?
    private var ends: [Int] = []
    /// Marks rows without a key; empty where every row has one.
    private var nulls: [Bool] = []

    init() {}

    init(_ groupID: GroupID, _ columns: [Column], rowCount: Int, seed: UInt64) {
        encode(groupID, columns, rowCount: rowCount, seed: seed)
    }

    /// Holds one key that is encoded already.
    init(_ groupID: GroupID, key: [UInt8], seed: UInt64) {
        self.groupID = groupID
        bytes = key
        width = key.count
        hashes.append(unsafe KeyHash.hash(groupID, key.span.bytes, seed: seed))
    }

    /// Encodes a key for each row, in place of what was there; no columns give the empty key.
    mutating func encode(_ groupID: GroupID, _ columns: [Column], rowCount: Int, seed: UInt64) {
        self.groupID = groupID
        bytes.removeAll(keepingCapacity: true)
        hashes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        nulls.removeAll(keepingCapacity: true)
        hashes.reserveCapacity(rowCount)
        width = KeyCodec.appendFixedWidth(columns, rowCount: rowCount, to: &bytes)
        if width == nil { encodeEach(columns, rowCount: rowCount) }
        var start = 0
        for row in 0..<rowCount {
            let end = width.map { start + $0 } ?? ends[row]
            let hash = KeyHash.hash(groupID, unsafe bytes.span.bytes.extracting(start..<end), seed: seed)
            hashes.append(hash)
            start = end
        }
    }

    /// The hash of a key of one column of fixed width; `nil` for other types.
    static func hash(of cell: RawSpan, _ type: FeatureType, _ groupID: GroupID, seed: UInt64) -> UInt64? {
        switch type {
        case .int64, .timestamp: hash(of: cell.littleEndian(at: 0, as: UInt64.self) ^ 1 << 63, groupID, seed)
        case .int32: hash(of: cell.littleEndian(at: 0, as: UInt32.self) ^ 1 << 31, groupID, seed)
        default: nil
        }
    }

    private static func hash<T: FixedWidthInteger & BitwiseCopyable>(
        of sorted: T, _ groupID: GroupID, _ seed: UInt64
    ) -> UInt64 {
        var bytes = sorted.bigEndian
        // The span lives as long as the closure.
        return unsafe withUnsafeBytes(of: &bytes) { unsafe KeyHash.hash(groupID, $0.bytes, seed: seed) }
    }

    private mutating func encodeEach(_ columns: [Column], rowCount: Int) {
        ends.reserveCapacity(rowCount)
        for row in 0..<rowCount {
            if !KeyCodec.append(columns, row: row, to: &bytes) {
                if nulls.isEmpty { nulls.append(contentsOf: repeatElement(false, count: rowCount)) }
                nulls[row] = true
            }
            ends.append(bytes.count)
        }
    }

    var count: Int { hashes.count }

    /// Whether a key column of this row is null; such a row has no key.
    @inline(__always)
    func isNull(_ row: Int) -> Bool { !nulls.isEmpty && nulls[row] }

    @inline(__always)
    func range(_ row: Int) -> Range<Int> {
        if let width { return row * width..<(row + 1) * width }
        return (row == 0 ? 0 : ends[row - 1])..<ends[row]
    }

    /// The mean byte count of a key.
    var keyBytes: Int { hashes.isEmpty ? 0 : bytes.count / hashes.count }
}
