import Engine
import OfflineStore

/// An option that can change while a server runs: what a reload of its configuration file takes.
public struct LiveOption: Sendable {
    /// As on the command line, without the dashes.
    public let name: String
    /// Whether two configurations differ in it.
    public let differs: @Sendable (ServerConfiguration, ServerConfiguration) -> Bool
    let take: @Sendable (inout ServerConfiguration, ServerConfiguration) -> Void

    private init<Value: Equatable & Sendable>(_ name: String, _ path: any WritableKeyPath<ServerConfiguration, Value> & Sendable)
    {
        self.name = name
        differs = { $0[keyPath: path] != $1[keyPath: path] }
        take = { $0[keyPath: path] = $1[keyPath: path] }
    }

    /// All of them. What is read at the start alone is not here: addresses, directories, rights, and how the log is written.
    public static let all = [
        LiveOption("network-bytes-max", \.networkBytesMax), LiveOption("scrub-interval", \.scrubInterval),
        LiveOption("scrub-bytes-per-second", \.scrubBytesPerSecond), LiveOption("stop-within", \.stopWithin),
        LiveOption("log-bytes-max", \.logBytesMax), LiveOption("snapshot-bytes", \.snapshotMemoryBytes),
        LiveOption("memory-bytes-max", \.memoryBytesMax), LiveOption("flush-bytes", \.flushMemoryBytes),
        LiveOption("history-bytes-max", \.historyBytesMax), LiveOption("compaction-bytes-max", \.compactionBytesMax),
    ]
}

extension ServerConfiguration {
    /// Memory of all connections together.
    var networkBytes: Int { networkBytesMax ?? NetworkMemory.bytesMax }

    /// The same with what depends on the machine looked up.
    var settled: ServerConfiguration {
        var settled = self
        settled.networkBytesMax = networkBytes
        return settled
    }

    func setLimits(of options: inout OnlineOptions) {
        options.logBytesMax = logBytesMax
        options.snapshotMemoryBytes = snapshotMemoryBytes
        options.memoryBytesMax = memoryBytesMax
    }

    func setLimits(of options: inout OfflineEngineOptions) {
        options.flushMemoryBytes = flushMemoryBytes
        options.store.mergeBytesMax = compactionBytesMax
    }
}
