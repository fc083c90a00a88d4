public import FeatureModel

/// The bytes that a log keeps, from which position on, and the follower that is furthest behind.
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
