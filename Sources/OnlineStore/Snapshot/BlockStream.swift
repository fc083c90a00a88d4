internal import FeatureModel
internal import StorageIO

/// Writes one part of a snapshot from front to back, in whole blocks, and keeps their checksums.
struct BlockStream {
    private static let flushBytes = 256 << 10

    private let file: any StorageFile
    /// File offset of the first byte in `buffer`; a multiple of the block size.
    private var start: Int
    private var buffer: [UInt8] = []
    /// CRC32C of each block written.
    private(set) var sums: [UInt32] = []

    /// File offset of the next byte.
    var offset: Int { start + buffer.count }

    init(_ file: any StorageFile, at offset: Int) {
        precondition(offset % SnapshotFormat.blockBytes == 0)
        self.file = file
        start = offset
        buffer.reserveCapacity(Self.flushBytes + SnapshotFormat.blockBytes)
    }

    mutating func append(_ bytes: [UInt8]) throws(HeadwaterError) {
        buffer.append(contentsOf: bytes)
        try flush(least: Self.flushBytes)
    }

    mutating func append(littleEndian number: UInt64) throws(HeadwaterError) {
        buffer.append(littleEndian: number)
        try flush(least: Self.flushBytes)
    }

    /// Fills the last block up with zeros and writes all.
    mutating func finish() throws(HeadwaterError) {
        buffer.pad(to: SnapshotFormat.blockBytes)
        try flush(least: 1)
    }

    private mutating func flush(least: Int) throws(HeadwaterError) {
        guard buffer.count >= least else { return }
        let whole = buffer.count / SnapshotFormat.blockBytes * SnapshotFormat.blockBytes
        for block in stride(from: 0, to: whole, by: SnapshotFormat.blockBytes) {
            sums.append(CRC32C.checksum(buffer[block..<block + SnapshotFormat.blockBytes]))
        }
        try file.write(buffer[..<whole], at: start)
        buffer.removeFirst(whole)
        start += whole
    }
}
