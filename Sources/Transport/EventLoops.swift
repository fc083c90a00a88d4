internal import CLinux
internal import FoundationEssentials
internal import NIOCore

/// The event loops that connections share.
public enum EventLoops {
    /// Cores that this process may use: loops that share one only take it from each other.
    static let coreCount: Int = {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") })
        else { return System.coreCount }
        // A mask in hexadecimal, in groups of 32 cores.
        let count = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count > 0 ? min(count, System.coreCount) : System.coreCount
    }()

    /// Makes no more of swift-nio's loops, which serve clients and timers, than this process may use cores, and no more heaps, which works that
    /// change threads would all grow: called once, first of all, by a program that serves.
    public static func matchCores() {
        NIOSingletons.groupLoopCountSuggestion = coreCount
        linux_limit_heaps(Int32(4 * coreCount))
    }
}
