import Catalog
import Engine
import FeatureModel
import OnlineStore
import Synchronization

/// A client that outlives every process it talks to: it keeps what it was told, and retries what it was not.
struct Client {
    enum Outcome: Equatable {
        case acknowledged(WriteAnswer)
        /// No answer, or an error that does not say whether the write was taken.
        case unknown
        /// Refused before anything was written.
        case refused
    }

    struct Attempt {
        let number: Int
        let stamp: ProducerStamp
        let write: SweptWrite
        var outcome = Outcome.unknown

        var isAcknowledged: Bool { if case .acknowledged = outcome { true } else { false } }
    }

    struct SentCutoff {
        let cutoff: RetentionCutoff
        /// Where it stands; `nil` while nobody answered.
        var position: Position?
    }

    /// Definitions that were answered, and those that were tried, of `SweptDefinitions.texts`.
    private(set) var definitionsAcknowledged = 0
    private(set) var definitionsTried = 0
    private(set) var session: (producer: Position, epoch: UInt32)?
    private(set) var attempts: [Attempt] = []
    private(set) var cutoffs: [SentCutoff] = []
    /// Acknowledgements of any kind so far, where a fault can look at the moment it strikes.
    let acknowledged = Counter()
    /// What was answered OK beside writes: what the disk must still show after any crash.
    var snapshotClaimed: Position = 0
    var historyClaimed: Position = 0
    var checkpointClaimed: Position = 0

    /// Whether everything that was sent was answered OK.
    var hasAllAnswers: Bool {
        definitionsTried == definitionsAcknowledged && attempts.allSatisfy(\.isAcknowledged)
            && cutoffs.allSatisfy { $0.position != nil }
    }

    // MARK: Requests

    /// Applies the definitions with this index; again where an answer went missing.
    mutating func define(_ index: Int, _ node: Node) {
        definitionsTried = max(definitionsTried, index + 1)
        guard let definitions = try? SweptDefinitions.load(index) else { preconditionFailure("the swept definitions hold") }
        if case .defined = node.run([.define(definitions)])[0] {
            definitionsAcknowledged = max(definitionsAcknowledged, index + 1)
            acknowledged.increment()
        }
    }

    mutating func openSession(_ node: Node) {
        guard session == nil, case .openedProducer(let producer, let epoch) = node.run([.openProducer])[0] else { return }
        session = (producer, epoch)
        acknowledged.increment()
    }

    /// Sends new writes in one group: all are staged, then one sync covers them.
    mutating func write(_ requests: [(groups: [String], operation: Operation, rows: Int)], _ node: Node) {
        guard let session, node.catalog.group(project: SweptDefinitions.project, name: "orders") != nil else { return }
        var sent: [Int] = []
        for request in requests {
            let number = attempts.count + 1
            guard
                let write = try? SweptWrite(
                    number: number, groups: request.groups, operation: request.operation, rowCount: request.rows,
                    catalog: node.catalog)
            else { preconditionFailure("swept rows fit their schemas") }
            let stamp = ProducerStamp(producer: session.producer, epoch: session.epoch, sequence: UInt64(number))
            attempts.append(Attempt(number: number, stamp: stamp, write: write))
            sent.append(attempts.count - 1)
        }
        send(sent, node)
    }

    /// Sends everything again that has no answer, or was refused for want of room.
    mutating func retry(_ node: Node) {
        if definitionsTried > definitionsAcknowledged { define(definitionsTried - 1, node) }
        for index in attempts.indices where !attempts[index].isAcknowledged { send([index], node) }
        for index in cutoffs.indices where cutoffs[index].position == nil { sendCutoff(index, node) }
    }

    mutating func cutOff(_ group: String, before time: Microseconds, _ node: Node) {
        guard let found = node.catalog.group(project: SweptDefinitions.project, name: group) else { return }
        cutoffs.append(SentCutoff(cutoff: RetentionCutoff(groupID: found.id, cutoff: time)))
        sendCutoff(cutoffs.count - 1, node)
    }

    private mutating func sendCutoff(_ index: Int, _ node: Node) {
        guard case .cutOff(let position) = node.run([.cutoff(cutoffs[index].cutoff)])[0] else { return }
        cutoffs[index].position = position
        acknowledged.increment()
    }

    private mutating func send(_ indices: [Int], _ node: Node) {
        var commands: [OnlineCommand] = []
        for index in indices {
            let attempt = attempts[index]
            do throws(HeadwaterError) {
                commands.append(
                    .write(
                        try CheckedWrite(
                            body: attempt.write.body[...], stamp: attempt.stamp, catalog: node.catalog, now: node.now)))
            } catch { preconditionFailure("a swept write is in order: \(error)") }
        }
        for (index, outcome) in zip(indices, node.run(commands)) {
            switch outcome {
            case .written(let answer, _):
                attempts[index].outcome = .acknowledged(answer)
                acknowledged.increment()
            case .failed(let error):
                attempts[index].outcome = error.code == .resourceExhausted ? .refused : .unknown
            default: preconditionFailure("a write is answered as a write")
            }
        }
    }

    // MARK: What must be there

    /// The acknowledged writes as they count.
    var acknowledgedWrites: [AppliedWrite] {
        attempts.compactMap { attempt in
            guard case .acknowledged(let answer) = attempt.outcome else { return nil }
            return AppliedWrite(rows: attempt.write.rows, position: answer.position, ingestTime: answer.ingestTime)
        }
    }

    /// Sends an acknowledged write again; `nil` where it gets its first answer, as a duplicate.
    func repeated(_ attempt: Attempt, _ node: Node) -> String? {
        guard case .acknowledged(let first) = attempt.outcome else { return nil }
        let checked: CheckedWrite
        do throws(HeadwaterError) {
            checked = try CheckedWrite(
                body: attempt.write.body[...], stamp: attempt.stamp, catalog: node.catalog, now: node.now)
        } catch { return "write \(attempt.number) no longer passes its checks: \(error)" }
        switch node.run([.write(checked)])[0] {
        case .written(first, isDuplicate: true): return nil
        case .written(let answer, let isDuplicate):
            return "write \(attempt.number) was answered \(first), its retry \(answer)\(isDuplicate ? "" : " and applied again")"
        case .failed(let error): return "the retry of write \(attempt.number) failed: \(error)"
        default: preconditionFailure("a write is answered as a write")
        }
    }
}

/// A number that several places share.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }
    func increment() { count.add(1, ordering: .relaxed) }
}
