internal import FeatureModel

/// The index of a snapshot: slots in the order of hashes, each 0 or 24 bits of a row's hash
/// and 40 of its file offset. A row stands in the slot that its hash asks for, or in the
/// next free one behind; so a key costs one cache line of slots, mostly, and its own row.
struct SnapshotIndex: Sendable {
    static let offset = SnapshotFormat.blockBytes
    private static let offsetBits: UInt64 = 40
    /// Largest file offset of a row.
    static let rowOffsetMax = 1 << offsetBits - 1
    private static let lineSlots = 8
    /// Slots behind the last that a hash asks for.
    private static let tailMax = 4_096
    /// The largest logarithm that the bucket count of a version 1 directory may have.
    private static let directoryBitsMax: UInt32 = 40

    /// The footer's number: lines of eight slots; in version 1 the directory's bits.
    let code: UInt32
    let byteCount: Int

    private init(code: UInt32, byteCount: Int) {
        self.code = code
        self.byteCount = byteCount
    }

    /// - Parameter lines: of eight slots, at least one.
    init(lines: Int) {
        precondition(lines > 0)
        let slots = lines * Self.lineSlots
        self.init(code: UInt32(lines), byteCount: (slots + min(slots, Self.tailMax)) * 8)
    }

    /// An index for at most this many rows: four fifths full.
    init(rowsMax: Int) { self.init(lines: max(1, (rowsMax * 5 / 4 + Self.lineSlots - 1) / Self.lineSlots)) }

    /// - Returns: `nil` where a file of `fileCount` bytes cannot have such an index.
    init?(code: UInt32, version: UInt32, fileCount: Int) {
        if version == 1 {
            guard code <= Self.directoryBitsMax else { return nil }
            self.init(code: code, byteCount: (1 << Int(code) + 1) * 8)
        } else {
            guard code > 0 else { return nil }
            self.init(lines: Int(code))
        }
        if byteCount > fileCount { return nil }
    }

    /// Slots that hashes ask for, and all slots.
    @inline(__always)
    var asked: UInt64 { UInt64(code) * UInt64(Self.lineSlots) }
    @inline(__always)
    var count: Int { byteCount / 8 }

    /// The slot that a hash asks for: hashes in order ask for slots in order.
    @inline(__always)
    func slot(_ hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: asked).high) }

    @inline(__always)
    static func entry(_ hash: UInt64, _ offset: Int) -> UInt64 { hash << offsetBits | UInt64(offset) }

    /// Whether an entry may be of a row of this hash.
    @inline(__always)
    static func isOf(_ entry: UInt64, _ hash: UInt64) -> Bool { (entry ^ hash << offsetBits) >> offsetBits == 0 && entry != 0 }

    @inline(__always)
    static func rowOffset(_ entry: UInt64) -> Int { Int(entry & (1 << offsetBits - 1)) }
}

/// Fills an index from front to back, as rows come in the order of their hashes.
struct IndexStream {
    let index: SnapshotIndex
    private(set) var stream: BlockStream
    private var next = 0

    init(_ file: BlockStream, _ index: SnapshotIndex) {
        stream = file
        self.index = index
    }

    /// - Returns: `false` where there is no slot left: the index has to be larger.
    mutating func append(_ hash: UInt64, rowOffset: Int) throws(HeadwaterError) -> Bool {
        let slot = max(index.slot(hash), next)
        guard slot < index.count else { return false }
        try fill(upTo: slot)
        try stream.append(littleEndian: SnapshotIndex.entry(hash, rowOffset))
        next = slot + 1
        return true
    }

    mutating func finish() throws(HeadwaterError) {
        try fill(upTo: index.count)
        try stream.finish()
    }

    private mutating func fill(upTo slot: Int) throws(HeadwaterError) {
        while next < slot {
            try stream.append(littleEndian: UInt64(0))
            next += 1
        }
    }
}
