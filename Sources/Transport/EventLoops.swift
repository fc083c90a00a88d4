internal import CLinux
public import FeatureModel
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

    /// Makes no more of swift-nio's loops, which serve clients and timers, than this process may use cores, and no more heaps,
    /// which works that change threads would all grow: called once, first of all, by a program that serves.
    public static func matchCores() {
        NIOSingletons.groupLoopCountSuggestion = coreCount
        linux_limit_heaps(Int32(2 * coreCount))
    }

    /// Gives threads that swift-nio and the runtime start from now on stacks that are no larger than they need, and large pieces
    /// of memory back when they are freed. Called by a program that serves.
    ///
    /// - Throws: `.resourceExhausted` where the limit of address space
    ///   leaves too little: what is missing later would end the process.
    public static func sizeMemory() throws(HeadwaterError) {
        linux_size_stacks(UInt(Limits.threadStackBytes))
        linux_map_large_memory(mappedBytesLeast, keptBytesMax)
        guard linux_can_map(UInt64(Limits.addressSpaceLeast)) == 0 else { return }
        throw HeadwaterError(
            .resourceExhausted,
            "a server needs \(Limits.addressSpaceLeast >> 20) MiB of address space beside its program, and the limit is "
                + "\(linux_address_space_limit() >> 20) MiB: raise it, as by 'ulimit -v unlimited'")
    }

    /// Pieces of memory from this size on go back to the system as soon as they are freed: frames and answers of those who send
    /// few and large ones, and blocks of wide rows.
    private static let mappedBytesLeast: UInt = 2 << 20
    /// Freed bytes that stay at the end of each heap.
    private static let keptBytesMax: UInt = 32 << 20

    /// Gives memory that was freed back to the system. It may take some milliseconds.
    public static func returnFreedMemory() { linux_trim_memory() }
}
