import Foundation
import Glibc

/// A control group that bounds the memory of what runs in it, of either version; for root.
struct ControlGroup {
    private let folder: String

    /// - Returns: `nil` where none can be made here.
    init?(memoryBytes: Int) {
        let files = FileManager.default
        let isNew =
            (try? String(contentsOfFile: "/sys/fs/cgroup/cgroup.controllers", encoding: .utf8))?.contains("memory") ?? false
        let root = isNew ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
        folder = "\(root)/headwater-torture-\(UUID().uuidString.prefix(8))"
        guard files.fileExists(atPath: root) else { return nil }
        do {
            try files.createDirectory(atPath: folder, withIntermediateDirectories: false)
            let limit = isNew ? "memory.max" : "memory.limit_in_bytes"
            try "\(memoryBytes)".write(toFile: "\(folder)/\(limit)", atomically: false, encoding: .utf8)
        } catch {
            _ = unsafe rmdir(folder)
            return nil
        }
    }

    /// Starts a program in the group, under the same process id.
    var command: [String] { ["/bin/sh", "-c", "echo $$ > \(folder)/cgroup.procs && exec \"$0\" \"$@\""] }

    /// Removes it, once nothing runs in it any more.
    func remove() { _ = unsafe rmdir(folder) }
}
