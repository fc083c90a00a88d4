import Catalog
import Engine
import FeatureModel
import Transport
import Wire

/// Some rows of a spine.
struct SpinePart {
    /// In the plan's key order and of its types.
    let keys: [Column]
    let times: Column
    /// What it takes of the memory of histories.
    let byteCount: Int
}

/// Reads the spine of a history request from its frames, part by part.
struct SpineReader {
    private let request: IncomingRequest
    private let plan: FeaturePlan
    private let fields: [Field]
    private let timePlace: Int
    /// How often rows are in memory: as they came, joined with others, and of texts that are keys a copy to order rows by.
    private let copies: Int
    private var hasBegun = false
    private var isAtEnd = false
    /// Has come, and did not fit with those before it.
    private var waiting: Batch?

    /// - Throws: `.invalidArgument` where the request names no time column among the spine's.
    init(_ head: HistoryRequest, _ request: IncomingRequest, _ plan: FeaturePlan) throws(HeadwaterError) {
        self.request = request
        self.plan = plan
        fields = try head.spineColumns.map { (spec) throws(HeadwaterError) in try spec.field() }
        guard let timePlace = fields.firstIndex(where: { $0.name.utf8.elementsEqual(head.spineTime.utf8) }) else {
            throw HeadwaterError(.invalidArgument, "the spine has no column '\(head.spineTime)': name its time column")
        }
        guard fields[timePlace].type == .timestamp else {
            throw HeadwaterError(
                .invalidArgument,
                "the spine's time column '\(head.spineTime)' is \(fields[timePlace].type), not timestamp")
        }
        self.timePlace = timePlace
        copies = plan.keys.contains { $0.type.isText } ? 3 : 2
        // Refused before any row comes.
        _ = try arranged(fields.map { .nulls($0.type, count: 0) })
    }

    /// Whether there are more rows; waits until their first frame is here.
    mutating func hasMore(_ pace: inout ClientPace) throws(HeadwaterError) -> Bool {
        while waiting == nil, let batch = try nextBatch(&pace) {
            if batch.rowCount > 0 { waiting = batch }
        }
        return waiting != nil
    }

    /// The next rows: a frame, and more until there are `rowsMax` rows, or they take `bytesMax` bytes, or the spine ends.
    ///
    /// - Returns: `nil` at the end.
    mutating func next(rowsMax: Int, bytesMax: Int, _ pace: inout ClientPace) throws(HeadwaterError) -> SpinePart? {
        var batches: [Batch] = []
        var rows = 0
        var bytes = 0
        while batches.isEmpty || rows < rowsMax && bytes < bytesMax, let batch = try nextBatch(&pace) {
            if batch.rowCount == 0 { continue }
            let more = copies * batch.bytes.count
            if !batches.isEmpty, bytes + more > bytesMax {
                waiting = batch
                break
            }
            bytes += more
            rows += batch.rowCount
            batches.append(batch)
        }
        if batches.isEmpty { return nil }
        let columns = fields.indices.map { place in Column.joined(batches.map { $0.columns[place] }) }
        return SpinePart(keys: try arranged(columns), times: columns[timePlace], byteCount: bytes)
    }

    /// The next frame's rows; `nil` at the end.
    private mutating func nextBatch(_ pace: inout ClientPace) throws(HeadwaterError) -> Batch? {
        if let batch = waiting {
            waiting = nil
            return batch
        }
        guard let body = try nextBody(&pace) else { return nil }
        let batch = try Batch(decoding: body)
        guard batch.ordinals == Array(fields.indices), batch.columns.map(\.type) == fields.map(\.type) else {
            throw HeadwaterError(.invalidArgument, "a spine batch has other columns than the request names")
        }
        return batch
    }

    /// The columns that are keys: all but the time, and the time too where it is a key itself.
    private func arranged(_ columns: [Column]) throws(HeadwaterError) -> [Column] {
        let given = fields.indices.filter { place in
            place != timePlace || plan.keys.contains { $0.name.utf8.elementsEqual(fields[place].name.utf8) }
        }
        return try OnlineReads.arrange(given.map { (fields[$0].name, columns[$0]) }, for: plan)
    }

    /// The body of the next frame that has one; `nil` at the end.
    private mutating func nextBody(_ pace: inout ClientPace) throws(HeadwaterError) -> ArraySlice<UInt8>? {
        if !hasBegun {
            hasBegun = true
            if !request.body.isEmpty { return request.body }
        }
        guard !isAtEnd, let inbound = request.inbound else { return nil }
        switch try inbound.next(pace: &pace) {
        case .data(let body): return body
        case .end:
            isAtEnd = true
            return nil
        case .closed: throw HeadwaterError(.cancelled, "the client went away while it sent the spine")
        case .timedOut: throw pace.overdue
        }
    }
}
