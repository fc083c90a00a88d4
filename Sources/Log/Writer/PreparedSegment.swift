internal import FeatureModel
internal import StorageIO

/// The next segment before it has a name: zeros on the disk, so that a full disk is met here and not inside a record.
struct PreparedSegment: Sendable {
    let number: UInt64
    let file: any StorageFile
    private(set) var bytes = 0
    private var syncedBytes = 0
    private let storage: any Storage
    private let directory: String
    private let path: String
    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)
    /// Zeros that may wait for their sync, so that small steps do not each pay for one.
    private static let unsyncedBytesMax = 4 << 20

    init(_ storage: any Storage, _ directory: String, number: UInt64) throws(HeadwaterError) {
        self.storage = storage
        self.directory = directory
        self.number = number
        path = StoragePath.join(directory, LogFormat.preparedName(number))
        // An earlier attempt may have failed to remove its file.
        if storage.exists(path) { try storage.remove(path) }
        file = try storage.open(path, .create)
    }

    /// Writes zeros up to `target` bytes, at most `step` of them now; all are synced when the target is reached.
    ///
    /// - Throws: `.resourceExhausted` where the disk is full; then `discard` it.
    mutating func fill(to target: Int, step: Int = .max) throws(HeadwaterError) {
        guard bytes < target else { return }
        // Asked first, so that appends on a full disk do not fill its last bytes with zeros again and again.
        let missing = target - bytes
        guard try storage.freeBytes(directory) >= missing else { throw PreparedSegment.full(missing, directory) }
        let end = step < missing ? bytes + step : target
        do throws(HeadwaterError) {
            while bytes < end {
                let piece = PreparedSegment.zeros.prefix(end - bytes)
                try file.write(piece, at: bytes)
                bytes += piece.count
            }
            if bytes == target || bytes - syncedBytes >= PreparedSegment.unsyncedBytesMax {
                try file.sync()
                syncedBytes = bytes
            }
        } catch {
            throw error.code == .resourceExhausted ? PreparedSegment.full(missing, directory) : error
        }
    }

    /// Gives the space back.
    func discard() {
        file.close()
        // If this fails too, the next open for writing removes the file.
        try? storage.remove(path)
    }

    /// Makes what was written durable and gives the file its name as a segment.
    func publish() throws(HeadwaterError) {
        try file.sync()
        try storage.rename(path, to: StoragePath.join(directory, LogFormat.segmentName(number)))
        try storage.syncDirectory(directory)
    }

    private static func full(_ missing: Int, _ directory: String) -> HeadwaterError {
        HeadwaterError(
            .resourceExhausted,
            "the disk is full: the log's next segment needs \(missing) bytes more; free that much and write again", at: directory)
    }
}
