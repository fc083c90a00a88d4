public import FeatureModel

extension HeadwaterClient {
    /// Opens a stream of rows into a feature group: they are gathered into requests, of which several are under way at once.
    ///
    /// The stream has a producer session of its own, which takes a position of the log.
    ///
    /// - Parameters:
    ///   - group: `orders` (its promoted version) or `orders@2`.
    ///   - linger: how long a row may wait for others to go with it.
    ///   - batch: rows of one request, at most 1,024. A request is full before, where its cells take 24 KiB.
    ///   - inFlight: requests that are not acknowledged at once, at most 1,000.
    /// - Throws: `.notFound` where there is no such group, `.invalidArgument` for a limit out of its range.
    public func stream(
        _ group: String, linger: Duration = .milliseconds(1), batch: Int = 512, inFlight: Int = 8
    ) async throws(HeadwaterError) -> WriteStream {
        guard linger >= .zero else { throw HeadwaterError(.invalidArgument, "a linger of \(linger): give zero or more") }
        guard (1...WriteStream.batchMax).contains(batch) else {
            throw HeadwaterError(.invalidArgument, "batches of \(batch) rows: give 1 to \(WriteStream.batchMax)")
        }
        guard (1...WriteStream.inFlightMax).contains(inFlight) else {
            throw HeadwaterError(.invalidArgument, "\(inFlight) requests in flight: give 1 to \(WriteStream.inFlightMax)")
        }
        let columns = RowColumns(try await self.group(group))
        let session = try await openSession()
        let connection = try await connections.connection(to: .online)
        return WriteStream(
            self, name: group, columns, session: session, connection, linger: linger, batch: batch, inFlight: inFlight)
    }
}

/// What a stream has acknowledged.
public struct StreamSummary: Sendable {
    /// Rows acknowledged: all up to this number.
    public private(set) var rows = 0
    public private(set) var requests = 0
    /// The position of the last of them; 0 while there is none.
    public private(set) var position: Position = 0
    /// Rows of deletes for which a newer row wins.
    public private(set) var newerRowCount = 0
    /// Rows older than the group's retention cutoff: taken, and never read.
    public private(set) var rowsBelowCutoff = 0
    /// Written rows that are older than their key's tombstone: taken into history, and not served.
    public private(set) var rowsBehindTombstone = 0

    init() {}

    mutating func add(_ written: WriteResult, rows: ClosedRange<Int>) {
        self.rows = rows.upperBound
        requests += 1
        position = written.position
        newerRowCount += written.newerRowCount
        rowsBelowCutoff += written.rowsBelowCutoff
        rowsBehindTombstone += written.rowsBehindTombstone
    }
}
