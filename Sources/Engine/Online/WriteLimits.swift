import FeatureModel
import Log
import OnlineStore

/// The room that rows and log take, against what they may: whether a snapshot is due, and which writes are refused. They are
/// refused before they are logged, because a fold refuses nothing.
struct WriteLimits {
    private var options: OnlineOptions
    private let store: OnlineStore
    /// The room that the log takes, measured now and then rather than at each write.
    var retention: LogRetention
    /// Bytes of bodies logged since the last snapshot was begun.
    private var bytesSinceSnapshot: Int
    /// The memory that the rows of the group under way may take.
    private var stagedMemoryBytes = 0

    init(_ options: OnlineOptions, _ store: OnlineStore, _ retention: LogRetention, bytesSinceSnapshot: Int) {
        self.options = options
        self.store = store
        self.retention = retention
        self.bytesSinceSnapshot = bytesSinceSnapshot
    }

    mutating func change(to options: OnlineOptions) { self.options = options }
    mutating func noteLogged(_ bytes: Int) { bytesSinceSnapshot += bytes }
    mutating func snapshotBegins() { bytesSinceSnapshot = 0 }
    mutating func groupEnds() { stagedMemoryBytes = 0 }

    /// Whether enough gathered in memory, or in the log behind the last snapshot, that one should be taken.
    var isSnapshotDue: Bool {
        let logBytes = min(options.logBytesMax / 4, options.snapshotLogBytes)
        // Near the cap a snapshot may give back what superseded and expired rows take.
        let isTight = options.memoryBytesMax.map { store.residentBytes > $0 / 8 * 7 && bytesSinceSnapshot > $0 / 64 } ?? false
        return store.memoryBytes >= options.snapshotMemoryBytes || bytesSinceSnapshot >= logBytes || isTight
    }

    /// Takes a write into the group under way.
    ///
    /// - Throws: `.resourceExhausted` where the log is over its limit or the rows may not fit under the cap.
    mutating func admit(_ write: DecodedRecord) throws(HeadwaterError) {
        try checkLogSize()
        if options.memoryBytesMax != nil { try reserveMemory(write.entries) }
    }

    /// Refuses writes while the log is over its limit, and says for whom it is kept.
    private func checkLogSize() throws(HeadwaterError) {
        guard retention.retainedBytes > options.logBytesMax else { return }
        let reason: String
        if let follower = retention.slowestFollower, follower.position <= store.snapshotPosition {
            reason =
                "follower '\(follower.name)' has only read up to \(follower.position): start it, or let it go with "
                + "'headwater log forget \(follower.name)'"
        } else {
            reason =
                "the last snapshot is at \(store.snapshotPosition): run 'headwater snapshot', and see that the disk has room for it"
        }
        throw HeadwaterError(
            .resourceExhausted,
            "the log holds \(retention.retainedBytes) bytes, over its limit of \(options.logBytesMax); \(reason)")
    }

    /// Counts every row as new. Deletes make room at the next snapshot, so they may go an eighth beyond the cap.
    private mutating func reserveMemory(_ entries: [AppliedEntry]) throws(HeadwaterError) {
        guard let most = options.memoryBytesMax else { return }
        let isDelete = entries.allSatisfy { $0.operation == .delete }
        let wanted = entries.reduce(0) { $0 + OnlineStore.memoryBytesMax(of: $1) }
        let taken = store.residentBytes + stagedMemoryBytes
        guard taken + wanted <= (isDelete ? most + most / 8 : most) else {
            throw HeadwaterError(
                .resourceExhausted,
                "rows take \(taken) bytes of memory and this write up to \(wanted) more, over the cap of \(most): "
                    + "raise --memory-bytes-max, delete rows, or give groups a retention")
        }
        stagedMemoryBytes += wanted
    }
}
