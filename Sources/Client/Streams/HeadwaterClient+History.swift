public import Catalog
public import FeatureModel
import Transport
public import Wire

/// A point-in-time join.
public struct HistoryQuery: Sendable {
    public var selection: FeatureSelection
    /// Columns of each spine batch: keys and the time; column `i` of a batch is `spineColumns[i]`.
    public var spineColumns: [Field]
    /// Which of them is the time.
    public var spineTime: String
    public var fullFeatureNames = false
    /// Reads history as the log was at this position; `nil` for now.
    public var asOf: Position?
    /// Also requires that a row was known at the spine row's time.
    public var availabilityIngest = false
    /// Whether the answer says when each value became true.
    public var eventTimes = false
    public var minPosition: Position = 0

    public init(_ selection: FeatureSelection, spineColumns: [Field], spineTime: String) {
        self.selection = selection
        self.spineColumns = spineColumns
        self.spineTime = spineTime
    }
}

extension RowsQuery {
    fileprivate var keyNames: [String] { keys?.map(\.name) ?? [] }

    fileprivate var keyBytes: ArraySlice<UInt8> {
        guard let keys, let first = keys.first else { return [] }
        return Batch(rowCount: first.column.count, columns: keys.enumerated().map { ($0.offset, $0.element.column) }).bytes
    }
}

extension HeadwaterClient {
    /// Joins features to a spine, row for row, in the spine's order.
    ///
    /// - Parameter spine: gives the next rows, `nil` at the end; called from a task of its own, only while the server has room.
    /// - Throws: `.unavailable` where the offline service is down; other refusals show when the stream is read.
    public func history(
        _ query: HistoryQuery, spine: @escaping @Sendable () async throws(HeadwaterError) -> Batch?
    ) async throws(HeadwaterError) -> RowStream<Cells> {
        let request = HistoryRequest.with {
            $0.project = project
            ($0.service, $0.features) = query.selection.parts
            $0.fullFeatureNames = query.fullFeatureNames
            $0.spineColumns = query.spineColumns.map { field in
                ColumnSpec.with {
                    $0.name = field.name
                    $0.type = field.type.description
                }
            }
            $0.spineTime = query.spineTime
            $0.asOf = query.asOf
            $0.availabilityIngest = query.availabilityIngest
            $0.eventTimes = query.eventTimes
            $0.minPosition = query.minPosition
            $0.logID = logID(for: max(query.minPosition, query.asOf ?? 0))
        }
        let transport = try await connections.connection(to: .offline)
        let first = try await spine()
        let stream = transport.stream(.history, head: request, body: first?.bytes ?? [], isEnd: first == nil)
        var feed: RowStream<Cells>.Feed?
        if first != nil {
            feed = { (stream: ClientStream) async throws(HeadwaterError) -> Void in
                while let batch = try await spine() { try await stream.send(batch.bytes) }
                try await stream.send([], isEnd: true)
            }
        }
        return RowStream(stream, feed: feed) {
            (body: ArraySlice<UInt8>, outputs: [Field]) throws(HeadwaterError) -> (rows: Cells, count: Int) in
            let cells = try Cells(decoding: body, outputCount: outputs.count, eventTimes: query.eventTimes)
            return (cells, cells.rowCount)
        }
    }

    /// Rows of a group: all of them, in (key, event_time, position, row) order, or the latest of every key.
    ///
    /// - Parameter minPosition: the answer shows at least this position.
    /// - Throws: `.unavailable` where the offline service is down; other refusals show when the stream is read.
    public func scan(
        _ query: RowsQuery, minPosition: Position = 0
    ) async throws(HeadwaterError) -> RowStream<Batch> {
        let logID = logID(for: max(minPosition, query.asOf ?? 0))
        let transport = try await connections.connection(to: .offline)
        if query.isLatest {
            let request = LatestRequest.with {
                $0.project = project
                ($0.group, $0.columns, $0.at, $0.asOf) = (query.group, query.columns, query.at, query.asOf)
                ($0.deletes, $0.brief, $0.keyNames) = (query.deletes, query.brief, query.keyNames)
                ($0.minPosition, $0.logID) = (minPosition, logID)
            }
            return rows(transport.stream(.latest, head: request, body: query.keyBytes))
        }
        let request = ScanRequest.with {
            $0.project = project
            ($0.group, $0.columns, $0.start, $0.end, $0.asOf) = (query.group, query.columns, query.start, query.end, query.asOf)
            ($0.deletes, $0.brief, $0.keyNames) = (query.deletes, query.brief, query.keyNames)
            ($0.minPosition, $0.logID) = (minPosition, logID)
        }
        return rows(transport.stream(.scan, head: request, body: query.keyBytes))
    }

    private func rows(_ stream: ClientStream) -> RowStream<Batch> {
        RowStream(stream) { (body: ArraySlice<UInt8>, outputs: [Field]) throws(HeadwaterError) -> (rows: Batch, count: Int) in
            let batch = try Batch(decoding: body)
            guard batch.columns.count == outputs.count else {
                throw HeadwaterError(.internal, "\(batch.columns.count) columns where the answer names \(outputs.count)")
            }
            return (batch, batch.rowCount)
        }
    }
}
