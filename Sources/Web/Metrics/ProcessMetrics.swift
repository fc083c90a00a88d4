import Foundation

/// What the system says of this process, under the names that Prometheus' own clients use.
enum ProcessMetrics {
    static func families() -> [MetricFamily] {
        let stat = fields("/proc/self/stat")
        let statm = fields("/proc/self/statm").map { Double($0) ?? 0 }
        let pageBytes = Double(sysconf(Int32(_SC_PAGESIZE)))
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        var families: [MetricFamily] = []
        // Fields 14, 15 and 22 of the manual, counted behind the name in brackets, which is field 2.
        if stat.count > 19, let user = Double(stat[11]), let system = Double(stat[12]), let start = Double(stat[19]) {
            families.append(
                MetricFamily(
                    .counter, "process_cpu_seconds", unit: "seconds", "Processor time, of the user and the system",
                    .number((user + system) / ticks)))
            if let boot = bootTime() {
                families.append(
                    MetricFamily(
                        .gauge, "process_start_time_seconds", unit: "seconds", "When the process started, since 1970 UTC",
                        .number(boot + start / ticks)))
            }
        }
        if statm.count > 1 {
            families += [
                MetricFamily(
                    .gauge, "process_resident_memory_bytes", unit: "bytes", "Memory that is resident, mapped files included",
                    .integer(Int(statm[1] * pageBytes))),
                MetricFamily(
                    .gauge, "process_virtual_memory_bytes", unit: "bytes", "Address space",
                    .integer(Int(statm[0] * pageBytes))),
            ]
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            families.append(MetricFamily(.gauge, "process_open_fds", "Open file descriptors", .integer(open)))
        }
        if let most = descriptorsMax() {
            families.append(MetricFamily(.gauge, "process_max_fds", "File descriptors that may be open", .integer(most)))
        }
        return families
    }

    /// The words of a file of the system; of `stat` those behind the process' name, which may hold spaces.
    private static func fields(_ path: String) -> [Substring] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        let rest = text.lastIndex(of: ")").map { text[text.index(after: $0)...] } ?? text[...]
        return rest.split { $0 == " " || $0 == "\n" }
    }

    private static func bootTime() -> Double? {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8) else { return nil }
        return text.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }

    private static func descriptorsMax() -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Max open files") })
        else { return nil }
        return line.dropFirst("Max open files".count).split(separator: " ").first.flatMap { Int($0) }
    }
}
