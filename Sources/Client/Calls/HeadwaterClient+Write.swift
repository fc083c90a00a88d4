public import FeatureModel
import Transport
import Wire

/// What a write did.
public struct WriteResult: Sendable {
    public let position: Position
    public let ingestTime: Microseconds
    /// Rows of each entry, in order.
    public let rowCounts: [Int]
    /// How many rows of deletes there are for which a newer row wins.
    public let newerRowCount: Int
    /// The first of these rows, at most 64, numbered through all entries.
    public let rowsWithNewerRows: [Int]
    /// Rows older than the group's retention cutoff: taken, and never read.
    public let rowsBelowCutoff: Int
    /// Written rows that are older than their key's tombstone: taken into history, and not served.
    public let rowsBehindTombstone: Int
    /// The write had been taken before a connection was lost; this is its first answer.
    public let isDuplicate: Bool
}

extension HeadwaterClient {
    /// Writes entries in one atomic step, within the client's producer session.
    ///
    /// Where the connection is lost the same write is sent again, and applied once, until `configuration.writeTimeout` is over.
    /// - Throws: `.invalidArgument` with row numbers and reasons: nothing was written; `.unavailable` after the last retry:
    ///   whether the write was taken is not known then.
    public func write(_ entries: [RecordEntry]) async throws(HeadwaterError) -> WriteResult {
        try await write(entries, willSend: {}, mayRetry: { true })
    }

    /// Writes entries.
    ///
    /// - Parameters:
    ///   - willSend: called before the write is sent, each time: where it was not, nothing can have been taken.
    ///   - mayRetry: whether it is worth another attempt.
    package func write(
        _ entries: [RecordEntry], willSend: () -> Void, mayRetry: () -> Bool
    ) async throws(HeadwaterError) -> WriteResult {
        // A server that cannot be reached is met again by the write, whose body then is one that every server takes.
        let isCompact = (try? await connections.connection(to: .online))?.takesCompactBodies ?? false
        let body = RecordBody.encode(entries, isCompact: isCompact)[...]
        return try await write(body: body, willSend: willSend, mayRetry: mayRetry)
    }

    /// Writes an encoded `RecordBody`.
    public func write(body: ArraySlice<UInt8>) async throws(HeadwaterError) -> WriteResult {
        try await write(body: body, willSend: {}, mayRetry: { true })
    }

    private func write(
        body: ArraySlice<UInt8>, willSend: () -> Void, mayRetry: () -> Bool
    ) async throws(HeadwaterError) -> WriteResult {
        let clock = ContinuousClock()
        let deadline = clock.now + configuration.writeTimeout
        var backoff = Backoff()
        var stamp: ProducerStamp?
        while true {
            do throws(HeadwaterError) {
                let known: ProducerStamp
                if let stamp { known = stamp } else { known = try await nextStamp() }
                stamp = known
                return try await send(body, known, deadline: max(.milliseconds(1), deadline - clock.now), willSend)
            } catch {
                if error.code == .failedPrecondition, let stamp { await producer.end(stamp) }
                guard error.code == .unavailable, mayRetry(), await connections.hasReached(.online),
                    clock.now + backoff.pause < deadline
                else { throw error }
                try await backoff.sleep()
            }
        }
    }

    private func nextStamp() async throws(HeadwaterError) -> ProducerStamp {
        try await producer.next { [self] () async throws(HeadwaterError) in try await openProducer() }
    }

    /// Opens a session, apart from the one of the client's own writes.
    ///
    /// - Returns: the stamp before the session's first.
    func openSession() async throws(HeadwaterError) -> ProducerStamp {
        let session = try await openProducer()
        return ProducerStamp(producer: session.producer, epoch: session.epoch, sequence: 0)
    }

    private func openProducer() async throws(HeadwaterError) -> OpenProducerReply {
        let request = OpenProducerRequest.with {
            $0.project = project
            $0.name = configuration.name
        }
        return try await call(
            .openProducer, to: .online, request, deadline: configuration.callTimeout, retry: .once,
            answer: OpenProducerReply.self
        ).head
    }

    private func send(
        _ body: ArraySlice<UInt8>, _ stamp: ProducerStamp, deadline: Duration, _ willSend: () -> Void
    ) async throws(HeadwaterError) -> WriteResult {
        let transport = try await connections.connection(to: .online)
        willSend()
        let (head, rows) = try await transport.call(
            .write, writeRequest(stamp), body: body, deadline: deadline, reply: WriteReply.self)
        return WriteResult(head, rows: rows)
    }

    /// The head of a write.
    func writeRequest(_ stamp: ProducerStamp) -> WriteRequest {
        WriteRequest.with {
            $0.project = project
            $0.producer = stamp.producer
            $0.epoch = stamp.epoch
            $0.sequence = stamp.sequence
        }
    }
}

extension WriteResult {
    /// - Parameter rows: the body of the answer.
    init(_ head: WriteReply, rows: ArraySlice<UInt8>) {
        self.init(
            position: head.position, ingestTime: head.ingestTime, rowCounts: head.rowCounts.map(Int.init),
            newerRowCount: Int(clamping: head.keysWithNewerRows),
            rowsWithNewerRows: (0..<rows.count / 4).map { Int(rows.littleEndian(at: $0 * 4, as: UInt32.self)) },
            rowsBelowCutoff: Int(clamping: head.rowsBelowCutoff), rowsBehindTombstone: Int(clamping: head.rowsBehindTombstone),
            isDuplicate: head.duplicate)
    }
}

/// Pauses that double, from 50 ms to 2 s, each shortened by chance so that clients do not come back together.
struct Backoff {
    private(set) var pause = Duration.milliseconds(50)

    /// - Throws: `.cancelled` when the task is.
    mutating func sleep() async throws(HeadwaterError) {
        do { try await Task.sleep(for: pause * Double.random(in: 0.5...1)) } catch {
            throw HeadwaterError(.cancelled, "the request was cancelled")
        }
        pause = min(pause * 2, .seconds(2))
    }
}
