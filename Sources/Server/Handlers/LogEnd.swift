import Engine
import FeatureModel
import Log
import StorageIO
import Transport
import Wire

/// Where the log ends, for an offline service that does not own it.
///
/// A position beyond the end was never given out, and no read should wait for it. But the end moves, and in `interval` durability a
/// position may be acknowledged before it is durable; so only two answers count: the reserve in the log's control file, which is on
/// the disk before any position up to it is given out, and what the owner itself says. Both are asked after the request came,
/// and so hold for every position that its client can have been given. Where neither says that the position lies beyond, the
/// read waits until its deadline.
struct LogEnd: Sendable {
    /// How long a read waits before the owner is asked: most positions are applied by then.
    static let patience = Duration.milliseconds(100)
    static let answerLimit = Duration.seconds(5)

    let services: Services
    let logID: [UInt8]

    /// Why the position cannot come; `nil` where it may.
    ///
    /// - Parameter isSettled: whether nobody needs to know any more.
    func refusal(of position: Position, isSettled: @Sendable () -> Bool) async -> HeadwaterError? {
        if let bounds = ownBounds {
            if position > bounds.reserve { return KnownPositions.beyond(position, end: bounds.durablePosition) }
            if position <= bounds.durablePosition { return nil }
        }
        try? await Task.sleep(for: Self.patience)
        guard !isSettled(), let last = await ownersLastPosition(), position > last else { return nil }
        return KnownPositions.beyond(position, end: last)
    }

    /// What the files of the log in the data directory say.
    private var ownBounds: LogBounds? {
        guard services.configuration.follow == nil,
            let bounds = try? LogBounds.read(services.storage, services.logDirectory), bounds.logID.bytes == logID
        else { return nil }
        return bounds
    }

    /// What the online service says; `nil` where it does not answer, or serves another log.
    private func ownersLastPosition() async -> Position? {
        guard let connection = try? await PeerFiles(services).connectToOnline() else { return nil }
        var last: Position?
        if connection.hello.logID == logID,
            let answer = try? await connection.call(
                .status, StatusRequest(), deadline: Self.answerLimit, reply: JSONReply.self)
        {
            last = JSON.decode(report: StatusReport.self, answer.body)?.online?.lastPosition
        }
        await connection.close()
        return last
    }
}
