import Engine
import FeatureModel

/// One write as its client knows it.
final class Write {
    enum Outcome {
        /// No answer yet, or none that says.
        case unknown
        case acknowledged(WriteAnswer)
        /// Never taken.
        case refused(StatusCode)
    }

    let client: Int
    /// Unique over all clients: the key of its ledger row.
    let number: Int
    let entries: [WrittenEntry]
    let body: [UInt8]
    let stamp: ProducerStamp
    var outcome = Outcome.unknown
    /// When it was first sent and acknowledged, counted over all that clients did: no two at once.
    var sent: Int?
    var acknowledged: Int?
    var acknowledgedAt: Microseconds = 0
    /// Attempts of which nobody knows whether they arrived.
    var openAttempts = 0
    /// Told once when its client has stopped trying: whether it has an answer.
    var settled: ((WriteAnswer?) -> Void)?
    /// Its position, once the log has shown it.
    var record: ModelRecord?

    init(client: Int, number: Int, entries: [WrittenEntry], stamp: ProducerStamp) {
        self.client = client
        self.number = number
        self.entries = entries
        body = RecordBody.encode(entries.map(\.encoded), isCompact: Self.isCompact(number))
        self.stamp = stamp
    }

    /// Whether the write with this number goes out in the form of few rows.
    static func isCompact(_ number: Int) -> Bool { number % 3 > 0 }

    var answer: WriteAnswer? { if case .acknowledged(let answer) = outcome { answer } else { nil } }
    /// Whether it has rows of a group that may have been removed since.
    var isPassing: Bool { entries.contains { $0.schema.groupID >= Workload.firstTurning } }
    var isRefused: Bool { if case .refused = outcome { true } else { false } }
}

/// What all clients sent and heard: the one source that the checker believes.
final class Journal {
    private(set) var writes: [Write] = []
    /// Sessions that were acknowledged.
    var sessions: [Position] = []
    private var steps = 0

    /// Numbers what clients do.
    func step() -> Int {
        steps += 1
        return steps
    }

    func add(client: Int, entries: (_ number: Int) -> [WrittenEntry], stamp: ProducerStamp) -> Write {
        let number = writes.count
        let write = Write(client: client, number: number, entries: entries(number), stamp: stamp)
        writes.append(write)
        return write
    }

    /// The write that a record holds, by its ledger row.
    func write(of entries: [RecordEntry]) -> Write? {
        guard let ledger = entries.first(where: { $0.groupID == Workload.ledger }), ledger.batch.rowCount == 1,
            let number = ledger.batch.column(ordinal: 1)
        else { return nil }
        let index = Int(number.int64(0))
        return writes.indices.contains(index) ? writes[index] : nil
    }
}
