import Catalog
import FeatureModel

/// Some rows of a spine.
struct SpinePart {
    /// The key columns and those of the request, in the plan's order and of its types.
    let columns: [Column]
    let times: Column
    /// The bytes that the part takes of the memory of histories.
    let byteCount: Int
}

/// Gathers a spine's rows to parts of the size that there is memory for.
struct SpineGather {
    private let plan: FeaturePlan
    private let columns: [Field]
    private let timePlace: Int
    /// How often rows are in memory: as they came, joined with others, and of texts that are keys a copy to order rows by.
    private let copies: Int
    /// Has come, and did not fit with those before it.
    private var waiting: Batch?

    /// - Throws: `.invalidArgument` where there is no time column of that name, or the others are not the plan's.
    init(_ columns: [Field], time: String, _ plan: FeaturePlan) throws(HeadwaterError) {
        self.plan = plan
        self.columns = columns
        guard let timePlace = columns.firstIndex(where: { $0.name.utf8.elementsEqual(time.utf8) }) else {
            throw HeadwaterError(.invalidArgument, "the spine has no column '\(time)': name its time column")
        }
        guard columns[timePlace].type == .timestamp else {
            throw HeadwaterError(
                .invalidArgument, "the spine's time column '\(time)' is \(columns[timePlace].type), not timestamp")
        }
        self.timePlace = timePlace
        copies = plan.columns.contains { $0.type.isText } ? 3 : 2
        // Refused before any row comes.
        _ = try arranged(columns.map { .nulls($0.type, count: 0) })
    }

    /// Whether there are more rows; waits until the first of them are here.
    mutating func hasMore(_ source: inout some SpineSource) throws(HeadwaterError) -> Bool {
        while waiting == nil, let batch = try checked(source.next()) {
            if batch.rowCount > 0 { waiting = batch }
        }
        return waiting != nil
    }

    /// The next rows: a batch, and more until there are `rowsMax` rows, or they take `bytesMax` bytes, or the spine ends.
    ///
    /// - Precondition: `hasMore`.
    mutating func next(
        _ source: inout some SpineSource, rowsMax: Int, bytesMax: Int
    ) throws(HeadwaterError) -> SpinePart {
        let first = waiting!
        waiting = nil
        var batches = [first]
        var rows = first.rowCount
        var bytes = copies * first.bytes.count
        while rows < rowsMax, bytes < bytesMax, let batch = try checked(source.next()) {
            if batch.rowCount == 0 { continue }
            let more = copies * batch.bytes.count
            if bytes + more > bytesMax {
                waiting = batch
                break
            }
            bytes += more
            rows += batch.rowCount
            batches.append(batch)
        }
        let joined = columns.indices.map { place in Column.joined(batches.map { $0.columns[place] }) }
        return SpinePart(columns: try arranged(joined), times: joined[timePlace], byteCount: bytes)
    }

    private func checked(_ batch: Batch?) throws(HeadwaterError) -> Batch? {
        guard let batch else { return nil }
        guard batch.ordinals == Array(columns.indices), batch.columns.map(\.type) == columns.map(\.type) else {
            throw HeadwaterError(.invalidArgument, "a spine batch has other columns than the request names")
        }
        return batch
    }

    /// The columns that the plan wants: all but the time, and the time too where it is wanted itself.
    private func arranged(_ cells: [Column]) throws(HeadwaterError) -> [Column] {
        let given = columns.indices.filter { place in
            place != timePlace || plan.columns.contains { $0.name.utf8.elementsEqual(columns[place].name.utf8) }
        }
        return try OnlineReads.arrange(given.map { (columns[$0].name, cells[$0]) }, for: plan)
    }
}
