public import FeatureModel
internal import StorageIO

/// What a log keeps, and for whom.
public struct LogRetention: Sendable {
    /// The oldest position that can be read.
    public let oldestPosition: Position
    /// Bytes of all segments, the prepared one included.
    public let retainedBytes: Int
    public let segmentCount: Int
    /// The registered follower that is furthest behind.
    public let slowestFollower: FollowerCheckpoint?

    package init(
        oldestPosition: Position, retainedBytes: Int, segmentCount: Int, slowestFollower: FollowerCheckpoint?
    ) {
        self.oldestPosition = oldestPosition
        self.retainedBytes = retainedBytes
        self.segmentCount = segmentCount
        self.slowestFollower = slowestFollower
    }
}

extension LogWriter {
    /// The oldest position that can be read.
    var oldestPosition: Position { segments[0].predecessor + 1 }

    /// Bytes of the segments that hold positions behind this one. - Complexity: O(segments).
    func bytes(behind position: Position) -> Int {
        guard position < durablePosition else { return 0 }
        // A segment's last position is its successor's predecessor.
        return segments.indices.lazy.filter { $0 + 1 == self.segments.count || self.segments[$0 + 1].predecessor > position }
            .reduce(0) { $0 + self.segments[$1].bytes }
    }

    /// - Throws: `.dataLoss` for a damaged follower file, `.unavailable` for a failing disk.
    /// - Complexity: reads the followers' files.
    func retention() throws(HeadwaterError) -> LogRetention {
        LogRetention(
            oldestPosition: oldestPosition,
            retainedBytes: segments.reduce(prepared?.bytes ?? 0) { $0 + $1.bytes }, segmentCount: segments.count,
            slowestFollower: try followersToWaitFor().min { $0.position < $1.position })
    }

    /// Removes whole segments that end before `position` and that every
    /// registered follower has durably passed; returns the bytes freed.
    ///
    /// - Throws: `.dataLoss` or `.failedPrecondition` for a follower's file that is damaged or of another log (nothing is
    ///   removed), `.unavailable` for a failing disk.
    @discardableResult
    func removeSegments(keepingFrom position: Position) throws(HeadwaterError) -> Int {
        try checkUsable()
        var keep = min(position, durablePosition + 1)
        for follower in try followersToWaitFor() where !Sabotage.earlySegmentDeletion.isPlanted {
            keep = min(keep, min(follower.position, durablePosition) + 1)
        }
        // A segment's last position is its successor's predecessor. The current segment always stays.
        let count = segments.indices.dropLast().prefix { segments[$0 + 1].predecessor < keep }.count
        guard count > 0 else { return 0 }
        do throws(HeadwaterError) {
            // First the word that they may be missing, then the removal; an open completes it.
            try control.store(in: controlFile) { control in
                control.firstSegment = segments[count].number
                control.durable = durablePosition
            }
        } catch {
            throw fail(error)
        }
        let removed = segments.prefix(count)
        segments.removeFirst(count)
        try SegmentNames.remove(storage, directory, below: control.firstSegment)
        return removed.reduce(0) { $0 + $1.bytes }
    }

    private func followersToWaitFor() throws(HeadwaterError) -> [FollowerCheckpoint] {
        try followers().filter { !absentFollowers.contains($0.name) }
    }

    /// Every registered follower, after a check that it follows this log.
    private func followers() throws(HeadwaterError) -> [FollowerCheckpoint] {
        let all = try FollowerCheckpoint.list(storage, directory)
        for follower in all where follower.logID != logID {
            throw HeadwaterError(
                .failedPrecondition, "follower \(follower.name) follows log \(follower.logID), not this one: forget it",
                at: "\(FollowerCheckpoint.path(directory, follower.id)):16")
        }
        return all
    }
}
