internal import FeatureModel
internal import StorageIO

/// A mapped chunk file whose reads are checked against its length.
struct ChunkBytes: Sendable {
    let file: MappedFile

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
