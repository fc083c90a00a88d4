internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// What a name stands for.
enum MemoryEntry: Sendable {
    case directory(MemoryDirectory)
    case file(MemoryInode)
}

/// A file, whatever names it has.
///
/// Unchecked: every field is protected by the mutex of its disk.
final class MemoryInode: @unchecked Sendable {
    var content: MemoryContent
    var holders = LockHolders()
    /// Whether a name leads here, so that its bytes count against the capacity.
    var isLinked = true

    init(_ content: MemoryContent = MemoryContent()) { self.content = content }
}

/// A directory: its names as programs see them, and the changes that wait for a sync.
///
/// Unchecked: every field is protected by the mutex of its disk.
final class MemoryDirectory: @unchecked Sendable {
    /// Names that change in one step; `nil` removes.
    typealias Change = [(name: String, entry: MemoryEntry?)]

    private(set) var live: [String: MemoryEntry]
    private var durable: [String: MemoryEntry]
    private var unsynced: [Change] = []

    /// A directory as it lies on a disk: all durable.
    init(durable entries: [String: MemoryEntry] = [:]) {
        live = entries
        durable = entries
    }

    func apply(_ change: Change) {
        for (name, entry) in change { live[name] = entry }
        unsynced.append(change)
    }

    func sync() {
        durable = live
        unsynced.removeAll()
    }

    /// The names after a power cut that let `keeps` choose how many of the unsynced changes, oldest first, had reached the disk.
    func afterCrash(keeping keeps: (_ changeCount: Int) -> Int) -> [String: MemoryEntry] {
        var entries = durable
        if unsynced.isEmpty { return entries }
        for change in unsynced.prefix(keeps(unsynced.count)) {
            for (name, entry) in change { entries[name] = entry }
        }
        return entries
    }
}

/// The disk that storages of one machine share.
final class MemoryDisk: Sendable {
    struct State: Sendable {
        var root = MemoryDirectory()
        var usedBytes = 0
        var capacityBytes: Int
        /// Storages and files of another life of the process get errors.
        var life = 0
    }

    let state: Mutex<State>

    init(_ state: State) { self.state = Mutex(state) }
}

extension MemoryDisk.State {
    /// The parts of a path. The process's own directory is the root, so that `/a` and `a` are one file.
    static func parts(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String($0)! }.filter { $0 != "." }
    }

    func find(_ path: String) -> MemoryEntry? {
        var entry = MemoryEntry.directory(root)
        for part in Self.parts(path) {
            guard case .directory(let directory) = entry, let next = directory.live[part] else { return nil }
            entry = next
        }
        return entry
    }

    func directory(_ path: String) throws(HeadwaterError) -> MemoryDirectory {
        guard case .directory(let directory) = find(path) else {
            throw HeadwaterError(.notFound, "there is no such directory; check the path", at: path)
        }
        return directory
    }

    func file(_ path: String) throws(HeadwaterError) -> MemoryInode {
        switch find(path) {
        case .file(let inode): return inode
        case .directory: throw HeadwaterError(.unavailable, "this is a directory, not a file; check the path", at: path)
        case nil: throw HeadwaterError(.notFound, "there is no such file; check the path", at: path)
        }
    }

    /// A new, empty file; its directory must be there.
    func createFile(_ path: String) throws(HeadwaterError) -> MemoryInode {
        let directory = try directory(StoragePath.parent(of: path))
        let inode = MemoryInode()
        directory.apply([(StoragePath.name(of: path), .file(inode))])
        return inode
    }

    /// Gives back the space of a file that has lost its name.
    mutating func unlink(_ inode: MemoryInode) {
        usedBytes -= inode.content.live.count
        inode.isLinked = false
    }

    /// The size up to which a file of `oldSize` bytes can change to `size`.
    func room(for size: Int, from oldSize: Int) -> Int { min(size, oldSize + max(0, capacityBytes - usedBytes)) }
}
