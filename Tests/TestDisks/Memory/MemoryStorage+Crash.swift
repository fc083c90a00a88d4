internal import StorageIO
internal import Synchronization
internal import TestSupport

/// What becomes of changes that nobody synced when the power fails.
public enum CrashFate: Sendable {
    /// None had reached the disk.
    case lost
    /// Some had: by the seed, any set of sectors, and of each directory's changes the first few.
    case random
    /// All had.
    case kept
}

extension MemoryStorage {
    /// Cuts the power, and returns the disk as the machine finds it afterwards, without locks.
    ///
    /// Whatever was opened before fails from now on. The same calls and the same seed give the same disk.
    public func crash(seed: UInt64, sectors: CrashFate = .random, directoryChanges: CrashFate = .lost) -> MemoryStorage {
        var generator = SplitMix64(seed: seed)
        return crash(
            keepingSector: { _, _ in
                switch sectors {
                case .lost: false
                case .random: generator.next() & 1 == 1
                case .kept: true
                }
            },
            keepingChanges: { _, count in
                switch directoryChanges {
                case .lost: 0
                case .random: Int(generator.next() % UInt64(count + 1))
                case .kept: count
                }
            })
    }

    /// Cuts the power, and lets the caller say what had reached the disk. The closures must not use this storage.
    ///
    /// - Parameters:
    ///   - keepsSector: asked for each unsynced sector of a file, by path and index, in ascending order of both.
    ///   - keepsChanges: asked for each directory with unsynced changes, by path and their number; answers how many, oldest
    ///     first, had reached the disk.
    public func crash(
        keepingSector keepsSector: (_ path: String, _ sector: Int) -> Bool,
        keepingChanges keepsChanges: (_ directory: String, _ count: Int) -> Int = { _, _ in 0 }
    ) -> MemoryStorage {
        disk.state.withLock { state in
            var survivors = Survivors()
            let root = survivors.directory(state.root, at: "", keepsSector, keepsChanges)
            state.life += 1
            let found = MemoryDisk.State(root: root, usedBytes: survivors.usedBytes, capacityBytes: state.capacityBytes)
            return MemoryStorage(MemoryDisk(found), life: 0)
        }
    }

    /// Kills the process but not the machine: files stay as they are, synced or not; locks go, and whatever was opened before
    /// fails from now on. Returns the disk as the next process finds it.
    public func kill() -> MemoryStorage {
        disk.state.withLock { state in
            Self.dropLocks(state.root)
            state.life += 1
            return MemoryStorage(disk, life: state.life)
        }
    }

    private static func dropLocks(_ directory: MemoryDirectory) {
        for entry in directory.live.values {
            switch entry {
            case .directory(let inner): dropLocks(inner)
            case .file(let inode): inode.holders = LockHolders()
            }
        }
    }
}

/// Copies what is left of a tree after a power cut. A file or directory with two names, half renamed, stays one.
private struct Survivors {
    private var files: [ObjectIdentifier: MemoryInode] = [:]
    private var directories: [ObjectIdentifier: MemoryDirectory] = [:]
    private(set) var usedBytes = 0

    mutating func directory(
        _ old: MemoryDirectory, at path: String, _ keepsSector: (String, Int) -> Bool, _ keepsChanges: (String, Int) -> Int
    ) -> MemoryDirectory {
        if let known = directories[ObjectIdentifier(old)] { return known }
        var entries = old.afterCrash { keepsChanges(path.isEmpty ? "." : path, $0) }
        // Sorted, so that the closures are asked in the same order each time.
        for (name, entry) in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let inner = StoragePath.join(path, name)
            switch entry {
            case .directory(let old): entries[name] = .directory(directory(old, at: inner, keepsSector, keepsChanges))
            case .file(let old): entries[name] = .file(file(old) { keepsSector(inner, $0) })
            }
        }
        let new = MemoryDirectory(durable: entries)
        directories[ObjectIdentifier(old)] = new
        return new
    }

    private mutating func file(_ old: MemoryInode, _ keeps: (Int) -> Bool) -> MemoryInode {
        if let known = files[ObjectIdentifier(old)] { return known }
        let new = MemoryInode(MemoryContent(durable: old.content.afterCrash(keeping: keeps)))
        files[ObjectIdentifier(old)] = new
        usedBytes += new.content.live.count
        return new
    }
}
