import Catalog
public import FeatureModel
import Transport
import Wire

/// Rows on their way into one feature group, in the order in which they were added, each written once.
///
/// 1. `add` gathers a row. Gathered rows make a request when there are enough of them, or when the first has waited for `linger`.
/// 2. Requests go over one connection, in order, several at once. Where as many are not acknowledged as may be, rows gather, and
///    where these are enough for a request, `add` waits: so a stream holds at most `inFlight + 1` batches of rows.
/// 3. A lost connection is made again, and what was not acknowledged is sent again, before anything newer.
/// 4. What cannot be mended fails the stream: every call throws from then on, and says which rows are acknowledged, which are not
///    written, and of which nobody knows.
///
/// For any task or thread. Rows of one task keep their order; those of several tasks come as they come. A stream that is let go
/// still sends what it has, and nobody hears whether that succeeds: close it.
public actor WriteStream {
    /// Rows of one request: those of the compact form.
    public static let batchMax = 1_024
    /// Fewer than the 1,024 writes that a server remembers of a session, so that each can be sent again.
    public static let inFlightMax = 1_000

    private let client: HeadwaterClient
    private let name: String
    private let linger: Duration
    private let clock = ContinuousClock()
    private var columns: RowColumns
    private var connection: ClientTransport
    private var gatherer: RowGatherer
    private var requests: StreamRequests
    /// Gathered rows up to this number go out without waiting for more.
    private var dueThrough = 0
    private var recovery: Task<Void, Never>?
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    private var waitersBefore = 0
    private var isClosed = false

    init(
        _ client: HeadwaterClient, name: String, _ columns: RowColumns, session: ProducerStamp,
        _ connection: ClientTransport, linger: Duration, batch: Int, inFlight: Int
    ) {
        self.client = client
        self.name = name
        self.columns = columns
        self.connection = connection
        self.linger = linger
        gatherer = RowGatherer(rowsMax: batch)
        requests = StreamRequests(session: session, countMax: inFlight)
    }

    /// What is acknowledged so far.
    public var summary: StreamSummary { requests.summary }
    /// Rows that the stream took.
    public var rowsAdded: Int { gatherer.lastRow }

    // MARK: Adding

    /// Adds a row: values by column name; a column that is left out is null. Suspends while the stream holds all that it may.
    ///
    /// A name or type that the stream does not know makes it look the group up again.
    /// - Throws: `.invalidArgument`, located at the number that the row would have, counted from 1, and at its column: the row is
    ///   not taken, and the stream goes on; `.cancelled`: the same; `.failedPrecondition` where the stream is closed; what it
    ///   failed with.
    public func add(_ row: [String: Value]) async throws(HeadwaterError) {
        let cells = try await cells(of: row)
        try await waitForRoom { $0.takes(cells.schemaVersion) }
        gatherer.append(cells)
        added(1)
    }

    /// Adds the rows of a table, or deletes, as `write` takes them; requests cut it where they are full.
    ///
    /// - Throws: as `add` of a row; some of the rows may have been taken then (`rowsAdded`).
    public func add(_ entry: RecordEntry) async throws(HeadwaterError) {
        guard entry.groupID == columns.group.id else {
            throw HeadwaterError(
                .invalidArgument, "a table of group \(entry.groupID) in a stream of \(columns.group.definition.reference)")
        }
        try columns.check(entry, number: rowsAdded + 1)
        var row = 0
        while row < entry.batch.rowCount {
            try await waitForRoom { $0.takes(entry) }
            let next = gatherer.append(entry, from: row)
            added(next - row)
            row = next
        }
    }

    private func cells(of row: [String: Value]) async throws(HeadwaterError) -> RowCells {
        do { return try columns.cells(of: row, number: rowsAdded + 1) } catch {
            guard requests.failure == nil, !isClosed else { throw error }
            let newest = try await client.group(name)
            guard newest.id == columns.group.id, newest.schemaVersion != columns.group.schemaVersion else { throw error }
            columns = RowColumns(newest)
            return try columns.cells(of: row, number: rowsAdded + 1)
        }
    }

    private func added(_ count: Int) {
        if gatherer.rowCount == count, !gatherer.isFull, linger > .zero {
            let first = gatherer.firstRow
            Task {
                try? await clock.sleep(for: linger)
                hasLingered(first)
            }
        }
        if linger == .zero { dueThrough = gatherer.lastRow }
        pump()
    }

    private func hasLingered(_ first: Int) {
        guard gatherer.firstRow == first else { return }
        dueThrough = gatherer.lastRow
        pump()
    }

    // MARK: Flushing

    /// Waits until every row added before is acknowledged.
    ///
    /// - Returns: the position of the last row; 0 where there is none.
    /// - Throws: what the stream failed with, and what became of its rows; `.cancelled`: the rows are sent all the same.
    @discardableResult
    public func flush() async throws(HeadwaterError) -> Position {
        let last = rowsAdded
        dueThrough = last
        pump()
        while true {
            try await checkFailure()
            if requests.summary.rows >= last { return requests.summary.position }
            try await change()
        }
    }

    /// Flushes, and takes no more rows.
    ///
    /// - Returns: all that the stream wrote.
    /// - Throws: as `flush`; the stream is closed all the same.
    @discardableResult
    public func close() async throws(HeadwaterError) -> StreamSummary {
        isClosed = true
        wakeAll()
        try await flush()
        return requests.summary
    }

    /// Waits until the stream is closed: for those who add rows seldom, and want to hear of a failure before the next one.
    ///
    /// - Throws: what the stream failed with; `.cancelled`.
    public func watch() async throws(HeadwaterError) {
        while true {
            try await checkFailure()
            if isClosed { return }
            try await change()
        }
    }

    // MARK: Waiting

    private func waitForRoom(_ isFree: (RowGatherer) -> Bool) async throws(HeadwaterError) {
        while true {
            try await checkFailure()
            guard !isClosed else { throw HeadwaterError(.failedPrecondition, "the stream is closed: open another") }
            if isFree(gatherer) { return }
            dueThrough = gatherer.lastRow
            pump()
            if !isFree(gatherer) { try await change() }
        }
    }

    /// Throws what the stream failed with, as soon as it is known what became of all rows.
    private func checkFailure() async throws(HeadwaterError) {
        while requests.failure != nil {
            if !requests.isUnderWay, let report = requests.report(rowsAdded: rowsAdded) { throw report }
            try await change()
        }
    }

    /// Waits until something has changed.
    private func change() async throws(HeadwaterError) {
        waitersBefore += 1
        let number = waitersBefore
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { continuation.resume() } else { waiters[number] = continuation }
            }
        } onCancel: {
            Task { await wake(number) }
        }
        if Task.isCancelled { throw HeadwaterError(.cancelled, "the wait for the stream was cancelled") }
    }

    private func wake(_ number: Int) { waiters.removeValue(forKey: number)?.resume() }

    private func wakeAll() {
        let all = waiters.values
        waiters = [:]
        for waiter in all { waiter.resume() }
    }

    // MARK: Sending

    /// Makes requests of gathered rows that are due, sends what may go out, and mends what must be.
    private func pump() {
        while gatherer.rowCount > 0, gatherer.isFull || gatherer.firstRow <= dueThrough, requests.hasRoom {
            let (entry, rows) = gatherer.take(groupID: columns.group.id)
            let body = RecordBody.encode([entry], isCompact: connection.takesCompactBodies)
            requests.append(rows: rows, body: body, deadline: clock.now + client.configuration.writeTimeout)
            wakeAll()
        }
        while let request = requests.next() { send(request) }
        switch requests.need {
        case .nothing, .answers: break
        case .connection, .session:
            if recovery == nil { recovery = Task { await recover() } }
        }
    }

    private func send(_ request: StreamRequests.Request) {
        let left = max(.milliseconds(1), request.deadline - clock.now)
        // The answer comes on the connection's event loop.
        connection.send(.write, client.writeRequest(request.stamp), body: request.body[...], deadline: left) { answer in
            Task { await self.answered(request.stamp, answer) }
        }
    }

    private func answered(_ stamp: ProducerStamp, _ answer: Result<Reply, HeadwaterError>) {
        let result = answer.flatMap { reply -> Result<WriteResult, HeadwaterError> in
            do throws(HeadwaterError) { return .success(WriteResult(try reply.decode(WriteReply.self), rows: reply.body)) } catch
            {
                // The request was taken, and with what outcome cannot be read.
                return .failure(HeadwaterError(.internal, "the server's answer cannot be read: \(error.message)"))
            }
        }
        requests.answered(stamp, result)
        pump()
        wakeAll()
    }

    // MARK: Recovery

    /// Gets a connection, and a session where the old one is not known any more, until the oldest request has waited too long.
    private func recover() async {
        var backoff = Backoff()
        var last = requests.loss
        while let deadline = requests.deadline, clock.now + backoff.pause < deadline {
            do throws(HeadwaterError) {
                try await backoff.sleep()
                connection = try await client.connections.connection(to: .online)
                if requests.need == .session { try await renew() } else { requests.resume() }
                break
            } catch {
                last = error
                if error.code != .unavailable { requests.fail(error) }
            }
            if requests.failure != nil { break }
        }
        if requests.loss != nil, let last { requests.fail(last) }
        recovery = nil
        pump()
        wakeAll()
    }

    /// Goes on in a new session, where the group is as it was.
    private func renew() async throws(HeadwaterError) {
        let newest = try await client.group(name)
        guard newest.id == columns.group.id, newest.schemaVersion >= columns.group.schemaVersion else {
            throw requests.loss ?? HeadwaterError(.failedPrecondition, "\(name) is another group now: open another stream")
        }
        requests.renew(try await client.openSession())
    }
}
