public import FeatureModel
public import StorageIO

/// The log as files of one disk: docs/formats/log.md.
public struct FileLog: RecordLog {
    private let storage: any Storage
    /// `DIR/log`.
    private let directory: String

    /// The log of a data directory.
    public init(in dataDirectory: String, _ storage: any Storage) {
        self.storage = storage
        directory = StoragePath.join(dataDirectory, "log")
    }

    public var place: String { directory }

    public func exists() throws(HeadwaterError) -> Bool {
        if storage.exists(StoragePath.join(directory, LogFormat.controlName)) { return true }
        // Where there are records without it, opening the log says what it lacks.
        return storage.exists(directory) ? try !SegmentNames.list(storage, directory).isEmpty : false
    }

    public func openWriter(
        _ options: LogOptions, newLogID: LogID, now: Microseconds
    ) throws(HeadwaterError) -> any LogWriting {
        try LogWriter.open(storage: storage, directory: directory, options: options, newLogID: newLogID, now: now)
    }

    public func clockMark(of logID: LogID) throws(HeadwaterError) -> ClockMark? {
        try ClockMark.load(storage, directory, logID: logID)
    }

    public func keep(_ mark: ClockMark, of logID: LogID) throws(HeadwaterError) {
        try mark.save(storage, directory, logID: logID)
    }

    public func openReader() throws(HeadwaterError) -> any LogReading {
        try LogReader(storage: storage, directory: directory)
    }

    public func bounds() throws(HeadwaterError) -> LogBounds { try LogBounds.read(storage, directory) }

    public func followers() throws(HeadwaterError) -> [FollowerCheckpoint] { try FollowerCheckpoint.list(storage, directory) }

    public func follower(_ id: UInt64) throws(HeadwaterError) -> FollowerCheckpoint? {
        try FollowerCheckpoint.load(storage, directory, id: id)
    }

    public func register(_ follower: FollowerCheckpoint, byOwner: Bool) throws(HeadwaterError) {
        try follower.save(storage, directory, writer: byOwner ? "owner" : nil)
    }

    public func forget(follower id: UInt64) throws(HeadwaterError) {
        try FollowerCheckpoint.forget(storage, directory, id: id)
    }

    public func verify(_ visit: ScrubVisit) throws(HeadwaterError) -> LogReport {
        try LogVerifier.verify(storage: storage, directory: directory, visit)
    }

    public func forEachEntry(_ visit: (LogEntry) throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        try LogDump.forEach(storage: storage, directory: directory, visit)
    }

    public func byteCount() throws(HeadwaterError) -> Int {
        var bytes = 0
        for name in try storage.list(directory) {
            bytes += try storage.open(StoragePath.join(directory, name), .read).size()
        }
        return bytes
    }
}
