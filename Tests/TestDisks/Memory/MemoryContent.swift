internal import FeatureModel
internal import StorageIO

/// The bytes of one file in memory: as running programs see them, and as the disk would have them after a power cut.
struct MemoryContent {
    /// What a disk writes whole or not at all.
    static let sectorBytes = 512

    private(set) var live: [UInt8] = []
    private(set) var durable: [UInt8] = []
    /// Sectors of `live` that may differ from `durable` and wait for a sync.
    private var unsynced: Set<Int> = []
    /// The words of the shared pages on this file, which programs change without telling us.
    private var shared: SharedWords?

    init() {}

    /// A file as it lies on a disk: all durable.
    init(durable bytes: [UInt8]) {
        live = bytes
        durable = bytes
    }

    /// Overwrites bytes, and first fills a gap behind the end with zeros.
    mutating func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        if bytes.isEmpty { return }
        absorbShared()
        let end = offset + bytes.count
        live.extend(to: end)
        live.replaceSubrange(offset..<end, with: bytes)
        markUnsynced(offset..<end)
        publishShared(offset..<end)
    }

    /// Cuts, or extends with zeros.
    mutating func truncate(to size: Int) {
        absorbShared()
        if size < live.count {
            markUnsynced(size..<live.count)
            live.removeLast(live.count - size)
        } else if size > live.count {
            live.extend(to: size)
            markUnsynced(size - 1..<size)
        }
    }

    mutating func sync() {
        absorbShared()
        resizeDurable()
        for sector in unsynced { makeDurable(sector) }
        unsynced.removeAll()
    }

    /// Makes the sectors of the first `byteCount` bytes durable.
    mutating func syncPrefix(_ byteCount: Int) {
        absorbShared()
        for sector in 0...max(byteCount - 1, 0) / Self.sectorBytes where unsynced.remove(sector) != nil { makeDurable(sector) }
    }

    /// What Linux does when a sync fails: the pages count as clean, so that no later sync writes them.
    mutating func forgetUnsynced() {
        absorbShared()
        resizeDurable()
        unsynced.removeAll()
    }

    /// The bytes after a power cut that let `keeps` choose, in ascending order, which unsynced sectors had reached the disk.
    ///
    /// A file that grew ends at the last sector that did; an unsynced cut counts as the sector that holds the new end.
    mutating func afterCrash(keeping keeps: (_ sector: Int) -> Bool) -> [UInt8] {
        absorbShared()
        let oldSize = durable.count
        for sector in unsynced.sorted() where sector * Self.sectorBytes < live.count && keeps(sector) { makeDurable(sector) }
        if live.count < oldSize && keeps(live.count / Self.sectorBytes) { durable.removeLast(durable.count - live.count) }
        return durable
    }

    private mutating func markUnsynced(_ range: Range<Int>) {
        for sector in range.lowerBound / Self.sectorBytes...(range.upperBound - 1) / Self.sectorBytes { unsynced.insert(sector) }
    }

    private mutating func makeDurable(_ sector: Int) {
        let lower = sector * Self.sectorBytes
        let upper = min(lower + Self.sectorBytes, live.count)
        guard lower < upper else { return }
        durable.extend(to: upper)
        durable.replaceSubrange(lower..<upper, with: live[lower..<upper])
    }

    private mutating func resizeDurable() {
        if durable.count > live.count { durable.removeLast(durable.count - live.count) }
        durable.extend(to: live.count)
    }
}

extension [UInt8] {
    /// Appends zeros until there are `size` bytes, if there are fewer.
    ///
    /// An array is copied in one go. Tests live on this disk and are not optimised: there `repeatElement` takes a microsecond a
    /// byte, which was most of the time of whole suites.
    fileprivate mutating func extend(to size: Int) {
        if count < size { append(contentsOf: [UInt8](repeating: 0, count: size - count)) }
    }
}

// MARK: Shared pages

extension MemoryContent {
    /// Bytes that a page may span: one page of memory.
    static let sharedBytesMax = 4_096

    /// The words of this file's shared pages: the same ones for every caller.
    mutating func sharedWords() -> SharedWords {
        if let shared { return shared }
        let words = SharedWords(zeros: Self.sharedBytesMax / 8)
        shared = words
        publishShared(0..<live.count)
        return words
    }

    /// Takes over what programs stored into the shared words since.
    mutating func absorbShared() {
        guard let shared else { return }
        for word in 0..<min(shared.count, live.count / 8) {
            let value = shared.load(word)
            if live[...].littleEndian(at: word * 8, as: UInt64.self) != value {
                live.store(littleEndian: value, at: word * 8)
                unsynced.insert(word * 8 / Self.sectorBytes)
            }
        }
    }

    /// Shows a write to the file in the shared words that it touches; the others may be changing just now.
    private func publishShared(_ range: Range<Int>) {
        guard let shared else { return }
        let end = min(shared.count, min((range.upperBound + 7) / 8, live.count / 8))
        for word in range.lowerBound / 8..<max(end, range.lowerBound / 8) {
            shared.store(live[...].littleEndian(at: word * 8, as: UInt64.self), word)
        }
    }
}
