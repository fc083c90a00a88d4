import Foundation
import Glibc
import ProcessSupport
import TestSupport

/// A file system of its own whose power can be cut: ext4 in a file on a loop device.
final class LoopDisk {
    /// `EXT4_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)`: the file system takes and writes back nothing from then on.
    private static let shutdownRequest: UInt = 0x8004_587D
    /// What of its journal still reaches the disk: all that was committed in memory, or nothing.
    private enum Flush: UInt32 {
        case log = 1
        case nothing = 2
    }

    let mountPoint: String
    private let image: String
    private let options: String
    private let directory: String
    private var isMounted = false

    /// Why there can be none here; `nil` where there can.
    static func obstacle() -> String? {
        guard geteuid() == 0 else { return "only root can mount a file system: run it as root" }
        for tool in ["mkfs.ext4", "mount", "umount"] where path(of: tool) == nil {
            return "there is no '\(tool)': install e2fsprogs and mount"
        }
        guard FileManager.default.fileExists(atPath: "/dev/loop-control") else { return "there is no loop device here" }
        return nil
    }

    /// Makes and mounts it.
    init(in directory: String, megabytes: Int, options: String) throws {
        self.directory = directory
        self.options = options
        image = "\(directory)/disk.img"
        mountPoint = "\(directory)/disk"
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        guard FileManager.default.createFile(atPath: image, contents: nil) else { throw CocoaError(.fileWriteUnknown) }
        try FileHandle(forWritingTo: URL(fileURLWithPath: image)).truncate(atOffset: UInt64(megabytes) << 20)
        try System.run("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,nodiscard", image], in: directory)
        try mount()
    }

    func mount() throws {
        try System.run("mount", ["-o", "loop\(options.isEmpty ? "" : ",")\(options)", image, mountPoint], in: directory)
        isMounted = true
    }

    /// Lets a random part of what is not synced reach the disk, as a kernel may at any time, and cuts the power.
    ///
    /// - Returns: the moment just before the cut, as journals tell time.
    func cut(_ random: inout SplitMix64) throws -> UInt64 {
        if random.chance(0.5) { writeBackSome(&random) }
        let descriptor = unsafe open(mountPoint, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { throw TortureError("\(mountPoint) cannot be opened: error \(errno)") }
        defer { Glibc.close(descriptor) }
        var flush = (random.chance(0.25) ? Flush.log : .nothing).rawValue
        let now = Journal.now()
        guard unsafe ioctl(descriptor, Self.shutdownRequest, &flush) == 0 else {
            throw TortureError("EXT4_IOC_SHUTDOWN: error \(errno)")
        }
        return now
    }

    private func writeBackSome(_ random: inout SplitMix64) {
        guard let paths = FileManager.default.enumerator(atPath: mountPoint)?.allObjects as? [String] else { return }
        for path in paths.sorted() where random.chance(0.3) {
            let descriptor = unsafe open("\(mountPoint)/\(path)", O_RDONLY)
            guard descriptor >= 0 else { continue }
            let pages = random.int(0...512)
            // Pages that are not needed any more are written back first.
            posix_fadvise(descriptor, off_t(pages) * 4_096, off_t(random.int(1...64)) * 4_096, POSIX_FADV_DONTNEED)
            Glibc.close(descriptor)
        }
    }

    func unmount() throws {
        guard isMounted else { return }
        var failure: (any Error)?
        // Whoever was killed just now may not have let go yet.
        for _ in 0..<50 {
            do {
                try System.run("umount", [mountPoint], in: directory)
                isMounted = false
                return
            } catch { failure = error }
            usleep(20_000)
        }
        throw failure!
    }

    /// Leaves nothing mounted, whatever happened.
    func close() {
        guard isMounted else { return }
        if (try? unmount()) == nil { try? System.run("umount", ["--lazy", mountPoint], in: directory) }
    }

    private static func path(of tool: String) -> String? { System.path(of: tool) }
}

/// Programs of the system.
enum System {
    private static let directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    static func path(of tool: String) -> String? {
        directories.map { "\($0)/\(tool)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs one to its end.
    static func run(_ tool: String, _ arguments: [String], in directory: String) throws {
        guard let path = path(of: tool) else { throw TortureError("there is no '\(tool)'") }
        let child = try Child(
            path, arguments, directory: URL(fileURLWithPath: directory), environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            inputPath: nil, outputPath: "\(directory)/\(tool).out", errorsPath: "\(directory)/\(tool).err")
        let ending = child.wait(seconds: 60)
        if ending == nil { child.killNow() }
        guard ending == .exit(0) else { throw TortureError("\(tool) \(arguments.joined(separator: " ")): \(child.errors)") }
    }
}
