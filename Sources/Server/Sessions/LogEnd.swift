import Engine
import FeatureModel
import Log
import StorageIO
import Synchronization
import Transport
import Wire

/// Where the log ends, for an offline service that does not own it.
///
/// A position beyond the end was never given out, and no read should wait for it. But the end moves, and in
/// `interval` durability a position may be acknowledged before it is durable; so only two answers count: the
/// reserve in the log's control file, which is on the disk before any position up to it is given out, and what
/// the owner itself says. Both are asked after the request came, and so hold for every position that its client
/// can have been given. Where neither says that the position lies beyond, the read waits until its deadline.
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
        guard !isSettled(), let end = await services.ownersEnd.ask(ownersEnd), end.logID == logID, position > end.lastPosition
        else { return nil }
        return KnownPositions.beyond(position, end: end.lastPosition)
    }

    /// What the files of the log in the data directory say.
    private var ownBounds: LogBounds? {
        guard services.configuration.follow == nil,
            let bounds = try? services.log.bounds(), bounds.logID.bytes == logID
        else { return nil }
        return bounds
    }

    /// What the online service says; `nil` where it does not answer.
    private func ownersEnd() async -> OwnersEnd? {
        guard let connection = try? await PeerFiles(services).connectToOnline() else { return nil }
        let answer = try? await connection.call(.status, StatusRequest(), deadline: Self.answerLimit, reply: JSONReply.self)
        let last = answer.flatMap { JSON.decode(report: StatusReport.self, $0.body)?.online?.lastPosition }
        await connection.close()
        return last.map { OwnersEnd(logID: connection.hello.logID, lastPosition: $0) }
    }
}

/// The last position of a log, as its owner says.
struct OwnersEnd: Sendable {
    let logID: [UInt8]
    let lastPosition: Position
}

/// A question that many ask: one at a time, and each asker gets the answer to one that began after he came.
final class SharedQuestion<Answer: Sendable>: Sendable {
    private struct State {
        var isAsking = false
        var waiting: [CheckedContinuation<Answer, Never>] = []
    }

    private let state = Mutex(State())

    func ask(_ question: @escaping @Sendable () async -> Answer) async -> Answer {
        await withCheckedContinuation { continuation in
            let mustAsk = state.withLock { state in
                state.waiting.append(continuation)
                defer { state.isAsking = true }
                return !state.isAsking
            }
            if mustAsk { Task { await answerAll(question) } }
        }
    }

    private func answerAll(_ question: @Sendable () async -> Answer) async {
        while let askers = nextAskers() {
            let answer = await question()
            for asker in askers { asker.resume(returning: answer) }
        }
    }

    private func nextAskers() -> [CheckedContinuation<Answer, Never>]? {
        state.withLock { state in
            defer { state.waiting = [] }
            state.isAsking = !state.waiting.isEmpty
            return state.isAsking ? state.waiting : nil
        }
    }
}
