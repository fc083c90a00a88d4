#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How much memory connections may take where nobody says.
enum NetworkMemory {
    private static let least = 256 << 20

    /// An eighth of what this process may have, but 256 MiB where there is that much.
    static var bytesMax: Int {
        let available = min(machineBytes ?? .max, groupBytes ?? .max)
        if available == .max { return least }
        return min(max(available / 8, least), max(available / 2, 16 << 20))
    }

    private static var machineBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemTotal:") }),
            let kibibytes = Int(line.split(separator: " ").dropFirst().first ?? "")
        else { return nil }
        return kibibytes << 10
    }

    /// The least limit of the control groups that this process is in, and of those around them.
    private static var groupBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8) else { return nil }
        var limits: [Int] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isOld = parts[1].split(separator: ",").contains("memory")
            guard isOld || parts[1].isEmpty else { continue }
            let (root, name) = isOld ? ("/sys/fs/cgroup/memory", "memory.limit_in_bytes") : ("/sys/fs/cgroup", "memory.max")
            var folders = parts[2].split(separator: "/").map(String.init)
            while true {
                let path = ([root] + folders + [name]).joined(separator: "/")
                if let text = try? String(contentsOfFile: path, encoding: .utf8),
                    let limit = Int(text.split(separator: "\n").first ?? "")
                {
                    limits.append(limit)
                }
                if folders.isEmpty { break }
                folders.removeLast()
            }
        }
        return limits.min()
    }
}
