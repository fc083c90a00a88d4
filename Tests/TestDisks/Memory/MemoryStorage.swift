public import FeatureModel
public import StorageIO
internal import Synchronization

/// A disk in memory, for tests and simulations: deterministic, with power cuts.
///
/// It knows, for each file, which 512-byte sectors wait for a sync, and, for each directory, which changes do; `crash` decides
/// what of that was lost. Stricter than common file systems: creating, renaming and removing are durable only after
/// `syncDirectory`, whatever else was synced. The process's own directory is the root.
public final class MemoryStorage: Storage {
    let disk: MemoryDisk
    private let life: Int

    /// An empty disk.
    ///
    /// - Parameter capacityBytes: the sum of file sizes beyond which writes throw `.resourceExhausted`.
    public convenience init(capacityBytes: Int = 1 << 40) {
        self.init(MemoryDisk(MemoryDisk.State(capacityBytes: capacityBytes)), life: 0)
    }

    init(_ disk: MemoryDisk, life: Int) {
        self.disk = disk
        self.life = life
    }

    /// Changes the size of the disk, as a user does who frees space, or fills it.
    public func setCapacity(bytes: Int) { disk.state.withLock { $0.capacityBytes = bytes } }

    public func createDirectory(_ path: String) throws(HeadwaterError) {
        try withDisk(path) { state throws(HeadwaterError) in
            var parent = state.root
            for part in MemoryDisk.State.parts(path) {
                switch parent.live[part] {
                case .directory(let directory):
                    parent.sync()
                    parent = directory
                case .file: throw HeadwaterError(.alreadyExists, "a file stands in the way; choose another path", at: path)
                case nil:
                    let directory = MemoryDirectory()
                    parent.apply([(part, .directory(directory))])
                    parent.sync()
                    parent = directory
                }
            }
        }
    }

    public func list(_ directory: String) throws(HeadwaterError) -> [String] {
        try withDisk(directory) { state throws(HeadwaterError) in
            try state.directory(directory).live.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    public func exists(_ path: String) -> Bool { disk.state.withLock { $0.life == life && $0.find(path) != nil } }

    public func open(_ path: String, _ mode: OpenMode) throws(HeadwaterError) -> any StorageFile {
        let inode = try withDisk(path) { state throws(HeadwaterError) in
            guard mode == .create else { return try state.file(path) }
            if state.find(path) != nil {
                throw HeadwaterError(.alreadyExists, "the file exists; remove it or choose another path", at: path)
            }
            return try state.createFile(path)
        }
        return MemoryFile(path: path, inode: inode, isWritable: mode != .read, storage: self)
    }

    public func map(_ path: String) throws(HeadwaterError) -> MappedFile {
        let bytes = try withDisk(path) { state throws(HeadwaterError) in
            let inode = try state.file(path)
            inode.content.absorbShared()
            return inode.content.live
        }
        return MappedFile(path: path, bytes: bytes)
    }

    public func mapShared(_ path: String, byteCount: Int, writable: Bool) throws(HeadwaterError) -> SharedPage {
        precondition(byteCount > 0 && byteCount % 8 == 0, "a shared page has whole words")
        precondition(byteCount <= MemoryContent.sharedBytesMax, "a shared page in memory spans one page")
        let (inode, words) = try withDisk(path) { state throws(HeadwaterError) in
            let inode = try state.file(path)
            try SharedPage.check(size: inode.content.live.count, holds: byteCount, at: path)
            return (inode, inode.content.sharedWords())
        }
        return SharedPage(path: path, byteCount: byteCount, isWritable: writable, words: words) { () throws(HeadwaterError) in
            try self.withDisk(path) { _ in inode.content.syncPrefix(byteCount) }
        }
    }

    public func rename(_ old: String, to new: String) throws(HeadwaterError) {
        try withDisk(old) { state throws(HeadwaterError) in
            guard let entry = state.find(old) else {
                throw HeadwaterError(.notFound, "there is no such file; check the path", at: old)
            }
            let source = try state.directory(StoragePath.parent(of: old))
            let target = try state.directory(StoragePath.parent(of: new))
            let (oldName, newName) = (StoragePath.name(of: old), StoragePath.name(of: new))
            if source === target && oldName == newName { return }
            try Self.replace(target.live[newName], by: entry, at: new, &state)
            if source === target {
                source.apply([(oldName, nil), (newName, entry)])
            } else {
                target.apply([(newName, entry)])
                source.apply([(oldName, nil)])
            }
        }
    }

    public func remove(_ path: String) throws(HeadwaterError) {
        try withDisk(path) { state throws(HeadwaterError) in
            let inode = try state.file(path)
            try state.directory(StoragePath.parent(of: path)).apply([(StoragePath.name(of: path), nil)])
            state.unlink(inode)
        }
    }

    public func syncDirectory(_ path: String) throws(HeadwaterError) {
        if Sabotage.noDirectorySync.isPlanted { return }
        try withDisk(path) { state throws(HeadwaterError) in try state.directory(path).sync() }
    }

    public func lock(_ path: String, exclusive: Bool) throws(HeadwaterError) -> any StorageLock {
        let inode = try withDisk(path) { state throws(HeadwaterError) in
            let inode = state.find(path) == nil ? try state.createFile(path) : try state.file(path)
            guard inode.holders.take(exclusive: exclusive) else { throw LockHolders.refusal(path, "somebody") }
            return inode
        }
        return MemoryLock(inode: inode, storage: self)
    }

    public func freeBytes(_ path: String) throws(HeadwaterError) -> Int {
        try withDisk(path) { state throws(HeadwaterError) in
            guard state.find(path) != nil else { throw HeadwaterError(.notFound, "there is no such path; check it", at: path) }
            return max(0, state.capacityBytes - state.usedBytes)
        }
    }

    /// Runs one call on the disk, unless this process has died since.
    func withDisk<Result: Sendable>(
        _ path: String, _ body: (inout MemoryDisk.State) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        try disk.state.withLock { state throws(HeadwaterError) in
            guard state.life == life else {
                throw HeadwaterError(
                    .unavailable, "this process died in a crash; use the storage that the crash returned", at: path)
            }
            return try body(&state)
        }
    }

    /// Lets go of what a rename replaces, or refuses as rename(2) does.
    private static func replace(
        _ replaced: MemoryEntry?, by entry: MemoryEntry, at path: String, _ state: inout MemoryDisk.State
    ) throws(HeadwaterError) {
        switch (replaced, entry) {
        case (nil, _): break
        case (.file(let inode), .file): state.unlink(inode)
        case (.directory(let directory), .directory) where directory.live.isEmpty: break
        default: throw HeadwaterError(.unavailable, "cannot rename over this; remove it first", at: path)
        }
    }
}
