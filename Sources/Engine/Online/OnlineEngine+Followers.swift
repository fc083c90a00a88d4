public import FeatureModel
public import Log

/// A registered follower, and what the log keeps for it.
public struct FollowerFigures: Sendable {
    public let name: ByteString
    /// It holds everything up to here durably.
    public let position: Position
    /// Bytes of the segments that hold what it has not.
    public let heldBytes: Int
}

/// Followers of the log: while one is registered, the log keeps what lies behind its position.
extension OnlineEngine {
    /// Registers a follower at a position, or moves it there, also back: one that lost its files starts again.
    ///
    /// - Throws: `.outOfRange` where the log no longer holds what follows
    ///   that position, `.failedPrecondition` where it does not reach it.
    public func register(follower name: ByteString, position: Position) throws(HeadwaterError) {
        try checkEndIsKnown(position)
        guard position <= log.durablePosition else {
            throw HeadwaterError(
                .failedPrecondition,
                "follower '\(name)' holds position \(position), but the log ends at \(log.durablePosition): it lost its end, or is another one"
            )
        }
        guard position + 1 >= log.oldestPosition else {
            throw HeadwaterError(
                .outOfRange,
                "the log begins at position \(log.oldestPosition): what follows \(position) is gone, so follower '\(name)' has to "
                    + "fetch the history from an offline service")
        }
        let all = try followers()
        let known = all.first { $0.name == name }
        guard known != nil || all.count < Limits.followersMax else {
            throw HeadwaterError(
                .resourceExhausted,
                "\(all.count) followers are registered, and more cannot be: let one go by 'headwater log forget', such as one that is gone"
            )
        }
        try save(name, id: known?.id, position)
    }

    /// Moves a registered follower on; to a position behind its own changes nothing.
    ///
    /// - Throws: `.notFound` for one that is not registered, `.outOfRange` for a position that is not durable here.
    public func acknowledge(follower name: ByteString, position: Position) throws(HeadwaterError) {
        let known = try follower(name)
        try checkEndIsKnown(position)
        guard position <= log.durablePosition else {
            throw HeadwaterError(
                .outOfRange,
                "follower '\(name)' is at position \(position), the log at \(log.durablePosition): it followed another log")
        }
        if position > known.position { try save(name, id: known.id, position) }
    }

    /// Lets a follower go, so that the log need not wait for it.
    ///
    /// - Returns: how far it had come.
    /// - Throws: `.notFound` naming the followers there are.
    public func forgetFollower(named name: ByteString) throws(HeadwaterError) -> Position {
        let follower = try follower(name)
        try recordLog.forget(follower: follower.id)
        try trimLog()
        return follower.position
    }

    /// A registered follower.
    ///
    /// - Throws: `.notFound` naming the followers there are.
    @discardableResult
    public func follower(_ name: ByteString) throws(HeadwaterError) -> FollowerCheckpoint {
        let all = try followers()
        if let follower = all.first(where: { $0.name == name }) { return follower }
        let names = all.map(\.name.description).joined(separator: ", ")
        throw HeadwaterError(
            .notFound,
            "no follower is registered as '\(name)': it is new here, or was forgotten; there are: "
                + (names.isEmpty ? "none" : names))
    }

    /// The log does not wait for these, which have not been heard of for long; they stay registered.
    public func setAbsentFollowers(_ names: Set<ByteString>) { log.absentFollowers = names }

    /// Every registered follower and how far it has come.
    public func followers() throws(HeadwaterError) -> [FollowerCheckpoint] {
        try recordLog.followers()
    }

    /// Every registered follower, and what the log keeps for it.
    public func followerFigures() throws(HeadwaterError) -> [FollowerFigures] {
        try followers().map {
            FollowerFigures(name: $0.name, position: $0.position, heldBytes: log.bytes(behind: $0.position))
        }
    }

    /// After a failed write the log may have more than this engine was told, and a follower may have it.
    private func checkEndIsKnown(_ position: Position) throws(HeadwaterError) {
        guard let failure, position > log.durablePosition else { return }
        throw HeadwaterError(
            .unavailable, "how far the log goes is not known since it failed (\(failure.description)): restart the server")
    }

    private func save(_ name: ByteString, id: UInt64?, _ position: Position) throws(HeadwaterError) {
        // The local follower's id stays its own.
        let last = try followers().map(\.id).max() ?? OnlineEngine.localFollowerID
        try recordLog.register(
            FollowerCheckpoint(
                logID: log.logID, id: id ?? last + 1, name: name, position: position, writerEpoch: log.writerEpoch))
    }
}
