public import FeatureModel

extension OnlineStore {
    /// Reads features of one group.
    ///
    /// - Parameter now: the clock that the query's `maxAge` counts back from.
    /// - Complexity: O(rows × (1 + frozen maps) + cells).
    /// - Throws: `.dataLoss` where the snapshot is damaged, `.failedPrecondition` where the schema moved since the query was
    ///   made, `.invalidArgument` for columns that do not fit the group.
    public func get(_ query: OnlineQuery, now: Microseconds) throws(HeadwaterError) -> OnlineResult {
        try get([query], now: now)[0]
    }

    /// Reads features of several groups at one position: never half of a record.
    public func get(_ queries: [OnlineQuery], now: Microseconds) throws(HeadwaterError) -> [OnlineResult] {
        let (tables, position, _) = pin()
        defer { unpin(position) }
        var results: [OnlineResult] = []
        results.reserveCapacity(queries.count)
        for query in queries { results.append(try read(query, now: now, tables, at: position)) }
        return results
    }

    private func read(
        _ query: OnlineQuery, now: Microseconds, _ tables: Tables, at position: Position
    ) throws(HeadwaterError) -> OnlineResult {
        let group = tables.groups[query.groupID]
        if let schema = group?.newest, query.keyColumns.map(\.type) != schema.keys.map(\.type) {
            let types = schema.keys.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            throw HeadwaterError(.invalidArgument, "the key of group \(query.groupID) is (\(types))")
        }
        if query.keyColumns.contains(where: { $0.count != query.rowCount || !$0.type.isKeyType }) {
            throw HeadwaterError(.invalidArgument, "key columns must be of key types and of one length")
        }
        let keys = EncodedKeys(query.groupID, query.keyColumns, rowCount: query.rowCount, seed: seed)
        let cutoff = group?.cutoff ?? .min
        let oldest = query.maxAge.map { now.subtractingSaturated($0) } ?? .min
        var reader = try RowReader(query.groupID, group, query.features)
        var answer = AnswerBuilder(query.features, rowCount: query.rowCount)
        var row = RowBuffer()
        for key in 0..<keys.count {
            row.clear()
            if !keys.isNull(key) { try tables.read(keys, key, at: position, into: &row) }
            if row.isEmpty {
                answer.appendAbsent(.notFound)
                continue
            }
            let header = row.header
            let eventTime = header.order.eventTime
            if header.isTombstone || eventTime < cutoff {
                answer.appendAbsent(.notFound)
            } else if eventTime < oldest && eventTime != EventTime.always {
                answer.appendAbsent(.outsideMaxAge)
            } else {
                answer.append(row, eventTime, try reader.plan(header))
            }
        }
        return answer.finish(at: position)
    }
}

/// Gathers the rows that a query finds into columns.
private struct AnswerBuilder {
    private var columns: [ColumnBuilder]
    private var statuses: [StatusColumn]
    private var rowStatuses = StatusColumn()
    private var eventTimes: ColumnBuilder

    init(_ features: [RequestedFeature], rowCount: Int) {
        columns = features.map { ColumnBuilder($0.type, capacity: rowCount) }
        statuses = Array(repeating: StatusColumn(), count: features.count)
        eventTimes = ColumnBuilder(.timestamp, capacity: rowCount)
    }

    mutating func appendAbsent(_ status: CellStatus) {
        for index in columns.indices {
            columns[index].appendNull()
            statuses[index].append(status)
        }
        rowStatuses.append(status)
        eventTimes.appendNull()
    }

    mutating func append(_ row: borrowing RowBuffer, _ eventTime: Microseconds, _ plan: RowPlan) {
        row.appendFeatures(plan, to: &columns, &statuses)
        rowStatuses.append(.present)
        if eventTime == EventTime.always { eventTimes.appendNull() } else { eventTimes.append(int64: eventTime) }
    }

    func finish(at position: Position) -> OnlineResult {
        OnlineResult(
            columns: columns.map { $0.finish() }, statuses: statuses, rowStatuses: rowStatuses, eventTimes: eventTimes.finish(),
            position: position)
    }
}

extension Microseconds {
    /// The difference, or the nearest instant that 64 bits hold.
    func subtractingSaturated(_ other: Microseconds) -> Microseconds {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}
