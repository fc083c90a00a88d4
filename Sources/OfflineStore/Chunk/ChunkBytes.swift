internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// A mapped chunk file whose reads are checked against its length.
struct ChunkBytes: Sendable {
    let file: MappedFile
    /// Pages whose checksums have been found to hold since the file was opened.
    let checkedPages = CheckedPages()

    var path: String { file.path }
    var count: Int { file.count }

    /// A copy of `count` bytes at `offset`.
    ///
    /// - Throws: `.dataLoss` where the file is too short.
    func bytes(at offset: Int, count: Int) throws(HeadwaterError) -> [UInt8] {
        try check(offset, count)
        return file.bytes(at: offset, count: count)
    }

    /// Lends `count` bytes at `offset`.
    func withBytes<Result>(
        at offset: Int, count: Int, _ body: (RawSpan) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        try check(offset, count)
        return try file.withBytes(offset..<offset + count, body)
    }

    func damage(_ what: String, at offset: Int) -> HeadwaterError {
        HeadwaterError(
            .dataLoss, "the chunk is damaged: \(what); restore the file, or rebuild the offline store from the log",
            at: "\(path):\(offset)")
    }

    private func check(_ offset: Int, _ count: Int) throws(HeadwaterError) {
        guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
            throw damage("\(count) bytes at \(offset) lie beyond its end at \(self.count)", at: self.count)
        }
    }
}

/// Which pages have been checked: each is at its first touch.
final class CheckedPages: Sendable {
    /// Where a page lies. One of nulls alone has no bytes, and the page behind it the same offset.
    private struct Place: Hashable {
        let offset: Int
        let byteCount: Int

        init(_ page: PageEntry) { (offset, byteCount) = (page.offset, page.storedBytes) }
    }

    private let places = Mutex<Set<Place>>([])

    func contains(_ page: PageEntry) -> Bool { places.withLock { $0.contains(Place(page)) } }

    func insert(_ page: PageEntry) { places.withLock { _ = $0.insert(Place(page)) } }

    /// Forgets that a page was checked, as it has been found damaged since: the next reader finds the damage too.
    func remove(_ page: PageEntry) { places.withLock { _ = $0.remove(Place(page)) } }
}
