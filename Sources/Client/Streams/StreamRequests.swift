import FeatureModel

/// The requests of a write stream that are not acknowledged, by rising sequence: which goes out when, what is known of its rows.
///
/// No I/O and no clock: `WriteStream` performs what this says.
/// 1. `append` takes the next request; `next` gives those that go out, each behind the one before.
/// 2. `answered` takes an answer. Rows are acknowledged in their order: a request leaves when those before it have left.
/// 3. Behind a lost connection nothing goes out until every request on its way is answered or lost (`need`). Then `resume` has
///    all that is not acknowledged go out again, in order, with the stamps and bytes it had: the server takes each once.
/// 4. Where the server has forgotten the session, `renew` does the same in a new one, if each was refused when first sent.
/// 5. Behind a failure nothing goes out any more; `report` says what is known of all rows.
struct StreamRequests {
    /// Bytes of a body above which nothing is sent behind it: servers check larger ones beside the connection, whose end might
    /// let what follows overtake them.
    static let bodyBytesMax = 32 << 10

    struct Request: Sendable {
        fileprivate(set) var stamp: ProducerStamp
        /// Numbers of its rows, from 1.
        let rows: ClosedRange<Int>
        let body: [UInt8]
        /// When it is given up.
        let deadline: ContinuousClock.Instant
        fileprivate var state = State.waiting
        /// Whether it was on its way before, so that it may have been written whatever is answered now.
        fileprivate var wasLost = false
        /// Whether it was refused in an earlier session.
        fileprivate var isRenewed = false

    }

    fileprivate enum State {
        case waiting
        case underWay
        case acknowledged(WriteResult)
        case lost
        /// The server did not take it.
        case refused
        /// The server did not take it, as it does not know the session.
        case forgotten

        var isWaiting: Bool { if case .waiting = self { true } else { false } }
        var isUnderWay: Bool { if case .underWay = self { true } else { false } }
        var isAcknowledged: Bool { if case .acknowledged = self { true } else { false } }
        var isLost: Bool { if case .lost = self { true } else { false } }
        var isForgotten: Bool { if case .forgotten = self { true } else { false } }
    }

    /// What must happen before requests go out.
    enum Need: Equatable {
        case nothing
        /// Requests under way must be answered or lost first.
        case answers
        case connection
        case session
    }

    /// That of the newest request.
    private var stamp: ProducerStamp
    private let countMax: Int
    private var requests: [Request] = []
    private(set) var summary = StreamSummary()
    /// What the stream failed with.
    private(set) var failure: HeadwaterError?
    /// Why requests are sent again.
    private(set) var loss: HeadwaterError?

    /// - Parameters:
    ///   - session: the stamp before the first of a new session.
    ///   - countMax: requests that are not acknowledged at once: fewer than a server remembers of a session.
    init(session: ProducerStamp, countMax: Int) {
        stamp = session
        self.countMax = countMax
    }

    var hasRoom: Bool { requests.count < countMax && failure == nil }
    var isUnderWay: Bool { requests.contains { $0.state.isUnderWay } }
    /// The deadline of the oldest request.
    var deadline: ContinuousClock.Instant? { requests.first?.deadline }

    mutating func append(rows: ClosedRange<Int>, body: [UInt8], deadline: ContinuousClock.Instant) {
        requests.append(Request(stamp: nextStamp(), rows: rows, body: body, deadline: deadline))
    }

    /// The next request to send; `nil` while there is none, or none may go out.
    mutating func next() -> Request? {
        guard failure == nil, loss == nil, let index = requests.firstIndex(where: { $0.state.isWaiting }) else { return nil }
        // What is sent behind a large one might overtake it; what is before it cannot be overtaken.
        guard !requests[..<index].contains(where: { $0.state.isUnderWay && $0.body.count > Self.bodyBytesMax }) else {
            return nil
        }
        requests[index].state = .underWay
        return requests[index]
    }

    /// Takes the answer to a request that `next` gave.
    mutating func answered(_ stamp: ProducerStamp, _ result: Result<WriteResult, HeadwaterError>) {
        guard let index = requests.firstIndex(where: { $0.stamp == stamp }) else { return }
        switch result {
        case .success(let written):
            requests[index].state = .acknowledged(written)
            while let first = requests.first, case .acknowledged(let written) = first.state {
                summary.add(written, rows: first.rows)
                requests.removeFirst()
            }
        case .failure(let error): failed(index, error)
        }
    }

    private mutating func failed(_ index: Int, _ error: HeadwaterError) {
        let request = requests[index]
        switch error.code {
        case .unavailable:
            requests[index].state = .lost
            loss = loss ?? error
        case .failedPrecondition where !request.wasLost && !request.isRenewed:
            requests[index].state = .forgotten
            loss = loss ?? error
        // Of these nobody knows whether the rows were written, or they were.
        case .cancelled, .deadlineExceeded, .dataLoss, .internal, .unknown:
            requests[index].state = .lost
            fail(error)
        default:
            requests[index].state = request.wasLost ? .lost : .refused
            fail(refusal(error, of: request))
        }
    }

    /// What must be got before requests go out again.
    var need: Need {
        guard loss != nil, failure == nil else { return .nothing }
        if isUnderWay { return .answers }
        return requests.contains { $0.state.isForgotten } ? .session : .connection
    }

    /// There is a connection again.
    mutating func resume() {
        loss = nil
        for index in requests.indices where !requests[index].state.isAcknowledged {
            if requests[index].state.isLost { requests[index].wasLost = true }
            requests[index].state = .waiting
        }
    }

    /// There is a new session, and a connection. Fails where a row could be written twice, or behind one that came later.
    ///
    /// - Precondition: `need` is `.session`.
    mutating func renew(_ session: ProducerStamp) {
        let isSafe = requests.allSatisfy { !$0.wasLost && !$0.state.isLost && !$0.state.isAcknowledged }
        guard isSafe else { return fail(loss!) }
        stamp = session
        for index in requests.indices {
            requests[index].isRenewed = requests[index].isRenewed || requests[index].state.isForgotten
            requests[index].stamp = nextStamp()
            requests[index].state = .waiting
        }
        loss = nil
    }

    /// Ends the stream; the first failure counts.
    mutating func fail(_ error: HeadwaterError) { failure = failure ?? error }

    private mutating func nextStamp() -> ProducerStamp {
        stamp = ProducerStamp(producer: stamp.producer, epoch: stamp.epoch, sequence: stamp.sequence + 1)
        return stamp
    }
}

// What is known of the rows.
extension StreamRequests {
    /// The failure, and what became of the rows.
    ///
    /// - Parameter rowsAdded: rows that the stream took, of which the last may not have made a request.
    func report(rowsAdded: Int) -> HeadwaterError? {
        guard let failure else { return nil }
        var acknowledged: [ClosedRange<Int>] = summary.rows > 0 ? [1...summary.rows] : []
        var unknown: [ClosedRange<Int>] = []
        var unwritten: [ClosedRange<Int>] = []
        for request in requests {
            switch request.state {
            case .acknowledged: acknowledged.append(joining: request.rows)
            case .lost, .underWay: unknown.append(joining: request.rows)
            case .waiting where request.wasLost: unknown.append(joining: request.rows)
            case .waiting, .refused, .forgotten: unwritten.append(joining: request.rows)
            }
        }
        let sent = requests.last?.rows.upperBound ?? summary.rows
        if rowsAdded > sent { unwritten.append(joining: sent + 1...rowsAdded) }
        var lines = [failure.message]
        lines.append(
            acknowledged.isEmpty
                ? "no row of the stream is acknowledged"
                : "\(Self.text(acknowledged)) of the stream: acknowledged, up to position \(positionMax)")
        if !unknown.isEmpty { lines.append("\(Self.text(unknown)): sent, and whether they were written is not known") }
        if !unwritten.isEmpty { lines.append("\(Self.text(unwritten)): not written") }
        return HeadwaterError(failure.code, lines.joined(separator: "\n"), at: failure.location)
    }

    /// The position of the last row that is acknowledged, be it behind one that is not.
    private var positionMax: Position {
        requests.reduce(summary.position) { position, request in
            if case .acknowledged(let written) = request.state { max(position, written.position) } else { position }
        }
    }

    private static func text(_ ranges: [ClosedRange<Int>]) -> String {
        let parts = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)" }
        return (ranges.count == 1 && ranges[0].count == 1 ? "row " : "rows ") + parts.joined(separator: ", ")
    }

    /// A server's refusal, with the rows of the request numbered as those of the stream.
    private func refusal(_ error: HeadwaterError, of request: Request) -> HeadwaterError {
        let lines = error.message.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            // `orders@1 row 3, column amount: …`, rows counted from 0
            guard let row = line.firstRange(of: " row "), !line[..<row.lowerBound].contains(" "),
                let end = line[row.upperBound...].firstIndex(of: ","), let number = Int(line[row.upperBound..<end])
            else { return String(line) }
            return line[..<row.upperBound] + "\(request.rows.lowerBound + number)" + line[end...]
        }
        return HeadwaterError(error.code, lines.joined(separator: "\n"), at: error.location)
    }
}

extension [ClosedRange<Int>] {
    /// Appends rows that follow, to the last range where they follow it at once.
    fileprivate mutating func append(joining rows: ClosedRange<Int>) {
        if let last, last.upperBound + 1 == rows.lowerBound {
            self[count - 1] = last.lowerBound...rows.upperBound
        } else {
            append(rows)
        }
    }
}
