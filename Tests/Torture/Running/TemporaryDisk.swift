import Foundation
import Glibc

/// A file system that can be filled.
protocol Disk: AnyObject {
    var mountPoint: String { get }
    func close()
}

extension LoopDisk: Disk {}

/// A small file system in memory.
final class TemporaryDisk: Disk {
    let mountPoint: String
    private let directory: String
    private var isMounted = false

    init(in directory: String, megabytes: Int) throws {
        self.directory = directory
        mountPoint = "\(directory)/disk"
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        try System.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)M", "tmpfs", mountPoint], in: directory)
        isMounted = true
    }

    func close() {
        guard isMounted else { return }
        isMounted = false
        if (try? System.run("umount", [mountPoint], in: directory)) == nil {
            try? System.run("umount", ["--lazy", mountPoint], in: directory)
        }
    }
}

/// A file that takes the room of others.
struct Ballast {
    private let path: String
    private let mountPoint: String

    init(_ disk: any Disk) {
        mountPoint = disk.mountPoint
        path = "\(disk.mountPoint)/ballast"
    }

    /// Takes all room but so many bytes; a ballast that is there grows.
    func fill(leaving rest: Int) throws {
        var information = statvfs()
        guard unsafe statvfs(mountPoint, &information) == 0 else { throw TortureError("statvfs: error \(errno)") }
        let free = Int(information.f_bavail) * Int(information.f_frsize)
        let descriptor = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
        guard descriptor >= 0 else { throw TortureError("the ballast cannot be made: error \(errno)") }
        defer { Glibc.close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        guard free > rest else { return }
        let number = posix_fallocate(descriptor, end, off_t(free - rest))
        // Somebody else may have been faster: then the disk is as full as it should be.
        guard number == 0 || number == ENOSPC else { throw TortureError("the ballast cannot be filled: error \(number)") }
    }

    func remove() { unsafe unlink(path) }
}
