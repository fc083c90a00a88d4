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
                ? LockHolders.refusal(path, Self.holder(status.st_ino)) : Kernel.error("lock the file", at: path, number: number)
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

    /// The process that holds a lock on a file, as /proc/locks lists it: `1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF`.
    private static func holder(_ inode: ino_t) -> String {
        for line in String(decoding: kernelText("/proc/locks"), as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 5, words[1] == "FLOCK", words[5].hasSuffix(":\(inode)"), let pid = Int(words[4]), pid > 0 else {
                continue
            }
            return "process \(pid)"
        }
        return "another process"
    }

    /// A file of the kernel's, which has no size; empty where it cannot be read.
    private static func kernelText(_ path: String) -> [UInt8] {
        guard let descriptor = try? RealStorage.openDescriptor(path, O_RDONLY, "read") else { return [] }
        defer { closeDescriptor(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while let count = Kernel.retrying({ unsafe read(descriptor, &piece, piece.count) }), count > 0 {
            bytes += piece[..<count]
        }
        return bytes
    }

    private static func giveBack(_ identity: FileIdentity) {
        held.withLock { held in
            held[identity]?.giveBack()
            if held[identity]?.isFree == true { held[identity] = nil }
        }
    }
}
