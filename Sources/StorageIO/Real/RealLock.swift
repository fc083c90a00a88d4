#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif
internal import FeatureModel
internal import Synchronization

/// A lock by `flock`, which other processes see, and by a table, which this process sees.
///
/// The table is needed because file systems that emulate `flock` with record locks (NFS) let one process take a lock twice.
final class RealLock: StorageLock {
    /// A file, whatever path leads to it.
    private struct FileIdentity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// Every lock that this process holds.
    private static let held = Mutex<[FileIdentity: LockHolders]>([:])

    private let identity: FileIdentity
    private let descriptor: Int32
    private let isReleased = Atomic<Bool>(false)

    /// Takes over the descriptor of the lock's file, which it closes where the lock cannot be had.
    init(_ path: String, descriptor: Int32, exclusive: Bool) throws(HeadwaterError) {
        var isKept = false
        defer { if !isKept { closeDescriptor(descriptor) } }

        let status = try RealStorage.status(descriptor, at: path)
        let identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        guard Self.held.withLock({ $0[identity, default: LockHolders()].take(exclusive: exclusive) }) else {
            throw LockHolders.refusal(path, "this process")
        }
        guard Kernel.retrying({ flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) }) != nil else {
            let number = errno
            Self.giveBack(identity)
            throw number == EWOULDBLOCK
                ? LockHolders.refusal(path, "another process") : Kernel.error("lock the file", at: path, number: number)
        }
        isKept = true
        self.identity = identity
        self.descriptor = descriptor
    }

    deinit { release() }

    func release() {
        guard !isReleased.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // The kernel's lock goes first: a new taker in this process then finds both free.
        closeDescriptor(descriptor)
        Self.giveBack(identity)
    }

    private static func giveBack(_ identity: FileIdentity) {
        held.withLock { held in
            held[identity]?.giveBack()
            if held[identity]?.isFree == true { held[identity] = nil }
        }
    }
}
