import Catalog
public import FeatureModel
public import Log
public import OnlineStore

/// A snapshot to be written: the cut and what the engine keeps with it.
public struct SnapshotJob: Sendable {
    public let cut: OnlineReadView
    let extra: [UInt8]
    let store: OnlineStore

    /// Writes and verifies the file. Any thread; reads and writes go on.
    ///
    /// - Throws: `.resourceExhausted` on a full disk, `.unavailable`
    ///   for a failing one, `.cancelled`; the store goes on as it was.
    public func run(isCancelled: @escaping () -> Bool = { false }) throws(HeadwaterError) -> WrittenSnapshot {
        try store.writeSnapshot(cut, extra: extra, isCancelled: isCancelled)
    }
}

extension OnlineEngine {
    /// Whether enough gathered in memory, or in the log behind the last snapshot, that one should be taken.
    public var isSnapshotDue: Bool {
        let logBytes = min(options.logBytesMax / 4, options.snapshotLogBytes)
        // Near the cap a snapshot may give back what superseded and expired rows take.
        let isTight = options.memoryBytesMax.map { store.residentBytes > $0 / 8 * 7 && bytesSinceSnapshot > $0 / 64 } ?? false
        return failure == nil
            && (store.memoryBytes >= options.snapshotMemoryBytes || bytesSinceSnapshot >= logBytes || isTight)
    }

    /// Cuts a snapshot at the applied position, which is made durable first.
    ///
    /// - Throws: `.unavailable` where the log has failed.
    public func beginSnapshot() throws(HeadwaterError) -> SnapshotJob {
        sync()
        if let failure { throw failure }
        let cut = store.beginSnapshot()
        bytesSinceSnapshot = 0
        return SnapshotJob(cut: cut, extra: replica.state.encode(), store: store)
    }

    /// Puts a written snapshot in force and lets go of the log behind it that no follower needs.
    public func finishSnapshot(_ written: WrittenSnapshot) throws(HeadwaterError) {
        try store.adopt(written)
        try trimLog()
    }

    /// Removes log segments that lie behind the snapshot and behind every follower, and measures what is kept.
    public func trimLog() throws(HeadwaterError) {
        guard failure == nil else { return }
        defer { noteLogFailure() }
        try log.removeSegments(keepingFrom: store.snapshotPosition + 1)
        retention = try log.retention()
    }

    /// The bytes that the log keeps, and the follower that is furthest behind, as last measured.
    public var logRetention: LogRetention? { retention }

    /// Prepares the log's next segment while nobody waits.
    public func prepareAhead() {
        // A full disk shows itself to the append that needs the room; an idle moment has nobody to tell.
        if failure == nil { try? log.prepareAhead() }
        noteLogFailure()
    }

    /// Cutoffs that are due: for each group with a retention, rows older
    /// than it count as gone once they are a hundredth of it overdue.
    ///
    /// - Parameter now: the clock's `ageTime`.
    public func dueCutoffs(now: Microseconds) -> [RetentionCutoff] {
        guard failure == nil else { return [] }
        return catalog.allGroups.compactMap { group in
            guard let retention = group.retentionMicroseconds else { return nil }
            let cutoff = now - retention
            if let last = store.cutoff(of: group.id), cutoff - last < max(retention / 100, 1_000_000) { return nil }
            return RetentionCutoff(groupID: group.id, cutoff: cutoff)
        }
    }

    /// Appends the cutoffs that are due and applies them, before anybody
    /// reads: a store that is open for a moment only keeps its retention too.
    ///
    /// - Parameters:
    ///   - now: trusted time.
    ///   - ageTime: what ages are counted from.
    /// - Returns: what kept one from being taken.
    public func cutOffDue(now: Microseconds, ageTime: Microseconds) -> [HeadwaterError] {
        for cutoff in dueCutoffs(now: ageTime) { submit(.cutoff(cutoff), token: 0) }
        let completions = runQueue { now }
        // The records are synced at once, whatever the durability: no timer runs yet that would do it later.
        if !completions.isEmpty { sync() }
        return completions.compactMap { if case .failed(let error) = $0.outcome { error } else { nil } }
    }
}
