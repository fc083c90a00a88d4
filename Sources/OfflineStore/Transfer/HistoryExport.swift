public import FeatureModel
internal import Synchronization

/// A run of bytes of one file of a history, on its way to a new follower.
public struct HistoryPiece: Hashable, Sendable {
    /// The chunk's number; 0 for the manifest.
    public let file: UInt64
    /// Bytes of the whole file.
    public let fileBytes: Int
    public let offset: Int
    public let bytes: ArraySlice<UInt8>
    /// CRC32C of `bytes`.
    public let checksum: UInt32

    public init(file: UInt64, fileBytes: Int, offset: Int, bytes: ArraySlice<UInt8>, checksum: UInt32? = nil) {
        self.file = file
        self.fileBytes = fileBytes
        self.offset = offset
        self.bytes = bytes
        self.checksum = checksum ?? CRC32C.checksum(bytes)
    }
}

/// The files of one durable position, for a new follower: a manifest and the chunks that it names.
///
/// They stay readable as long as this object lives, whatever compaction does meanwhile: mapped files outlive their names.
/// Any thread may read it.
public final class HistoryExport: Sendable {
    /// The chunks equal the fold of the log up to here.
    public let position: Position
    /// Bytes of all files.
    public let byteCount: Int
    private let manifest: [UInt8]
    private let chunks: [ChunkFile]

    init(_ version: StoreVersion) {
        position = version.manifest.applied
        manifest = version.manifest.encode()
        let files = version.files
        chunks = version.manifest.chunks.map { files[$0.number]! }
        byteCount = chunks.reduce(manifest.count) { $0 + $1.bytes.count }
    }

    /// Hands out every file from its start to its end, the manifest first, then chunks in its order. The checksums of a chunk
    /// are checked before its first piece: damage is not passed on.
    ///
    /// - Parameters:
    ///   - bytesMax: of one piece.
    ///   - body: returns whether to go on.
    /// - Complexity: O(bytes); memory of one piece.
    /// - Throws: `.dataLoss` with file and offset for a damaged chunk, and what `body` throws.
    public func forEachPiece(
        bytesMax: Int, _ body: (HistoryPiece) throws(HeadwaterError) -> Bool
    ) throws(HeadwaterError) {
        for offset in stride(from: 0, to: manifest.count, by: bytesMax) {
            let bytes = manifest[offset..<min(offset + bytesMax, manifest.count)]
            guard try body(HistoryPiece(file: 0, fileBytes: manifest.count, offset: offset, bytes: bytes)) else { return }
        }
        for chunk in chunks {
            try chunk.verifyChecksums()
            for offset in stride(from: 0, to: chunk.bytes.count, by: bytesMax) {
                let bytes = try chunk.bytes.bytes(at: offset, count: min(bytesMax, chunk.bytes.count - offset))
                let piece = HistoryPiece(
                    file: chunk.entry.number, fileBytes: chunk.bytes.count, offset: offset, bytes: bytes[...])
                guard try body(piece) else { return }
            }
        }
    }
}

extension OfflineStore {
    /// Pins the files of the durable position. Any thread. - Complexity: O(chunks).
    public func export() -> HistoryExport { HistoryExport(state.withLock { $0.version }) }
}
