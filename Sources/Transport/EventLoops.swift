internal import FoundationEssentials
internal import NIOCore

/// The event loops that connections share.
public enum EventLoops {
    /// Makes one loop for each core that this process may use: called once, first of all, by a program that serves.
    ///
    /// Without it affinity is not looked at, and loops that share a core only take it from each other.
    public static func matchCores() {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") })
        else { return }
        // A mask in hexadecimal, in groups of 32 cores.
        let count = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        if count > 0 { NIOSingletons.groupLoopCountSuggestion = min(count, System.coreCount) }
    }
}
