public import FeatureModel

/// How a file is opened.
public enum OpenMode: Sendable {
    /// Must exist; never written.
    case read
    /// Must exist.
    case readWrite
    /// Must not exist.
    case create
}

/// The disk, as everything above sees it: the seam where tests put a disk in memory, or one that fails.
///
/// Paths are relative to the process or absolute, with `/` between parts. Every method throws `HeadwaterError`:
/// `.notFound` for a missing path, `.resourceExhausted` for a full disk (ENOSPC, EDQUOT), `.failedPrecondition` for a lock
/// that somebody holds, `.unavailable` for any other failure of the disk, each located at its path.
/// All methods may be called from any thread.
public protocol Storage: Sendable {
    /// Creates a directory and its missing parents, and syncs the parents.
    func createDirectory(_ path: String) throws(HeadwaterError)
    /// Names in a directory, sorted.
    func list(_ directory: String) throws(HeadwaterError) -> [String]
    func exists(_ path: String) -> Bool
    func open(_ path: String, _ mode: OpenMode) throws(HeadwaterError) -> any StorageFile
    /// Maps a whole file that nobody will change again.
    func map(_ path: String) throws(HeadwaterError) -> MappedFile
    /// Maps the first `byteCount` bytes of an existing file as memory shared between processes.
    func mapShared(_ path: String, byteCount: Int, writable: Bool) throws(HeadwaterError) -> SharedPage
    /// Renames over whatever stands at `new`. Durable only after `syncDirectory`.
    func rename(_ old: String, to new: String) throws(HeadwaterError)
    func remove(_ path: String) throws(HeadwaterError)
    func syncDirectory(_ path: String) throws(HeadwaterError)
    /// Takes an advisory lock on `path` (created if missing) without waiting; it is held until the lock is released or freed.
    /// Exclusive inside one process too: a second taker fails.
    func lock(_ path: String, exclusive: Bool) throws(HeadwaterError) -> any StorageLock
    /// Bytes that are free for us on the file system of `path`.
    func freeBytes(_ path: String) throws(HeadwaterError) -> Int
}

/// An open file. Offsets are absolute; there is no file position.
public protocol StorageFile: AnyObject, Sendable {
    var path: String { get }
    func size() throws(HeadwaterError) -> Int
    /// Reads `count` bytes, fewer only at the end of the file.
    func read(at offset: Int, count: Int) throws(HeadwaterError) -> [UInt8]
    /// Writes all of `bytes`, or throws; after a throw any part of them may be in the file.
    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(HeadwaterError)
    /// Makes data and size durable (fdatasync). A failure is final: never retry, the pages may already be clean.
    func sync() throws(HeadwaterError)
    /// Asks the system to begin to write a part of the file to the disk, so that `sync` has less to wait for. Promises nothing.
    func startWriting(_ range: Range<Int>)
    /// Asks the system to forget what it keeps of a part of a synced
    /// file in memory, so that whoever reads it next reads the disk.
    func forgetCached(_ range: Range<Int>)
    func truncate(to size: Int) throws(HeadwaterError)
    /// Closes early; freeing the object closes too.
    func close()
}

/// A held advisory lock.
public protocol StorageLock: AnyObject, Sendable {
    func release()
}
