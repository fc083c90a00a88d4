import FeatureModel
import Synchronization

/// The first answers to writes that carry an `Idempotency-Key`, for as long as the server runs: a retry gets the same answer, and
/// nothing is written again.
final class IdempotencyKeys: Sendable {
    /// Keys that are remembered, and bytes of one.
    static let keysMax = 10_000
    static let keyBytesMax = 255

    struct Key: Hashable {
        /// Groups have ids of their own in all projects.
        let group: GroupID
        /// Compared as bytes.
        let key: [UInt8]
    }

    enum Turn {
        /// Nobody has written under the key: write, and say `end` or `fail`.
        case first
        /// The first answer.
        case again(WebResponse)
    }

    private enum State {
        case running(body: UInt64)
        case answered(body: UInt64, WebResponse)
        /// Nobody knows whether it was taken.
        case unknown(body: UInt64)
    }

    private struct Known {
        var states: [Key: State] = [:]
        /// In the order of their answers.
        var order: [Key] = []
    }

    private let known = Mutex(Known())

    /// - Parameter body: a hash of the request: other content under the same key is another write.
    /// - Throws: `.alreadyExists` for other content, `.aborted` while the first write under the key is under way.
    func begin(_ key: Key, body: UInt64) throws(HeadwaterError) -> Turn {
        let outcome = known.withLock { known -> Result<Turn, HeadwaterError> in
            switch known.states[key] {
            case nil:
                known.states[key] = .running(body: body)
                return .success(.first)
            case .running(let first), .answered(let first, _), .unknown(let first):
                guard first == body else {
                    return .failure(
                        HeadwaterError(
                            .alreadyExists, "this Idempotency-Key was used with another body: give each write its own"
                        ))
                }
                if case .answered(_, let response) = known.states[key] { return .success(.again(response)) }
                if case .unknown = known.states[key] {
                    return .failure(
                        HeadwaterError(
                            .aborted,
                            "whether the first write with this Idempotency-Key was taken is not known: look, then use another key"
                        ))
                }
                return .failure(
                    HeadwaterError(.aborted, "the first write with this Idempotency-Key is under way: ask again for its answer"))
            }
        }
        return try outcome.get()
    }

    func end(_ key: Key, body: UInt64, _ response: WebResponse) { keep(key, .answered(body: body, response)) }

    /// Whether the write was taken is not known: a retry must not write again.
    func lose(_ key: Key, body: UInt64) { keep(key, .unknown(body: body)) }

    private func keep(_ key: Key, _ state: State) {
        known.withLock { known in
            known.states[key] = state
            known.order.append(key)
            guard known.order.count > Self.keysMax else { return }
            known.states[known.order.removeFirst()] = nil
        }
    }

    /// The write was refused: nothing was written, and the key may be used again.
    func fail(_ key: Key) { known.withLock { $0.states[key] = nil } }
}
