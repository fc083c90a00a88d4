internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// A file that can lose what waits for a sync, as Linux does when a sync fails.
protocol ForgetsUnsyncedPages {
    func forgetUnsynced() throws(HeadwaterError)
}

/// An open file of a `MemoryStorage`. It goes on working when its name is removed.
final class MemoryFile: StorageFile, ForgetsUnsyncedPages {
    let path: String
    private let inode: MemoryInode
    private let isWritable: Bool
    private let storage: MemoryStorage
    private let isClosed = Atomic<Bool>(false)

    init(path: String, inode: MemoryInode, isWritable: Bool, storage: MemoryStorage) {
        self.path = path
        self.inode = inode
        self.isWritable = isWritable
        self.storage = storage
    }

    func close() { isClosed.store(true, ordering: .releasing) }

    func size() throws(HeadwaterError) -> Int {
        try withContent { content, _ in content.live.count }
    }

    func read(at offset: Int, count: Int) throws(HeadwaterError) -> [UInt8] {
        precondition(offset >= 0 && count >= 0, "a negative offset or count")
        return try withContent { content, _ in
            content.absorbShared()
            let start = min(offset, content.live.count)
            return Array(content.live[start..<start + min(count, content.live.count - start)])
        }
    }

    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(HeadwaterError) {
        precondition(offset >= 0, "a negative offset")
        try withContent(writes: true) { content, state throws(HeadwaterError) in
            let end = offset + bytes.count
            let granted = inode.isLinked ? state.room(for: end, from: content.live.count) : end
            content.write(bytes.prefix(max(0, granted - offset)), at: offset)
            if granted < end { throw fullDisk(at: granted) }
        }
    }

    func startWriting(_ range: Range<Int>) {}

    func forgetCached(_ range: Range<Int>) {}

    func sync() throws(HeadwaterError) {
        try withContent { content, _ in content.sync() }
    }

    func truncate(to size: Int) throws(HeadwaterError) {
        precondition(size >= 0, "a negative size")
        try withContent(writes: true) { content, state throws(HeadwaterError) in
            let granted = inode.isLinked ? state.room(for: size, from: content.live.count) : size
            content.truncate(to: granted)
            if granted < size { throw fullDisk(at: granted) }
        }
    }

    func forgetUnsynced() throws(HeadwaterError) {
        try withContent { content, _ in content.forgetUnsynced() }
    }

    private func fullDisk(at offset: Int) -> HeadwaterError {
        HeadwaterError(
            .resourceExhausted, "cannot write to the file: the disk is full; free space on it", at: "\(path):\(offset)")
    }

    private func withContent<Result: Sendable>(
        writes: Bool = false, _ body: (inout MemoryContent, inout MemoryDisk.State) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        try storage.withDisk(path) { state throws(HeadwaterError) in
            guard !isClosed.load(ordering: .acquiring) else {
                throw HeadwaterError(.unavailable, "the file is closed; open it again", at: path)
            }
            guard !writes || isWritable else {
                throw HeadwaterError(.unavailable, "the file was opened for reading; open it for writing", at: path)
            }
            let oldSize = inode.content.live.count
            defer { if inode.isLinked { state.usedBytes += inode.content.live.count - oldSize } }
            return try body(&inode.content, &state)
        }
    }
}

/// A held lock of a `MemoryStorage`.
final class MemoryLock: StorageLock {
    private let inode: MemoryInode
    private let storage: MemoryStorage
    private let isReleased = Atomic<Bool>(false)

    init(inode: MemoryInode, storage: MemoryStorage) {
        self.inode = inode
        self.storage = storage
    }

    deinit { release() }

    func release() {
        guard !isReleased.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // A lock of a process that has died is gone already.
        try? storage.withDisk("") { _ in inode.holders.giveBack() }
    }
}
