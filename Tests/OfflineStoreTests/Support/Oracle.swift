import FeatureModel

/// What the store must say, found the slow way: all rows in one array, each question a walk over it.
struct Oracle {
    struct Row {
        let keys: [Value]
        let eventTime: Microseconds
        let ingestTime: Microseconds
        let availableTime: Microseconds?
        let position: Position
        let row: Int
        let isDelete: Bool
        /// By ordinal; absent is null.
        let features: [Int: Value]
    }

    private(set) var rows: [Row] = []
    private var cutoffs: [(position: Position, cutoff: Microseconds)] = []

    mutating func apply(_ record: AppliedRecord) {
        if case .cutoff(let cutoff) = record.change { cutoffs.append((record.position, cutoff.cutoff)) }
        for entry in record.entries {
            let schema = entry.schema
            for index in 0..<entry.batch.rowCount {
                func cell(_ ordinal: Int?) -> Value {
                    guard let ordinal, let at = entry.batch.ordinals.firstIndex(of: ordinal) else { return .null }
                    return entry.batch.columns[at].value(index)
                }
                var time = record.ingestTime
                if schema.eventTimeName == nil { time = Microseconds.min }
                if case .timestamp(let given) = cell(schema.eventTimeOrdinal) { time = given }
                var available: Microseconds?
                if case .timestamp(let given) = cell(schema.availableTimeOrdinal) { available = given }
                var features: [Int: Value] = [:]
                if entry.operation == .write {
                    for number in schema.features.indices {
                        let ordinal = schema.columnCount - schema.features.count + number
                        features[ordinal] = cell(ordinal)
                    }
                }
                rows.append(
                    Row(
                        keys: schema.keys.indices.map { cell($0) }, eventTime: time, ingestTime: record.ingestTime,
                        availableTime: entry.operation == .delete ? nil : available, position: record.position,
                        row: entry.firstRow + index, isDelete: entry.operation == .delete, features: features))
            }
        }
    }

    /// Rows that exist for a reader at `asOf`.
    func visible(asOf: Position) -> [Row] {
        let hidden = cutoffs.filter { $0.position <= asOf }.map(\.cutoff).max()
        return rows.filter { row in
            if row.position > asOf { return false }
            if let hidden, row.eventTime < hidden { return false }
            return true
        }
    }

    /// One cell of a point-in-time join.
    func joined(
        keys: [Value], time: Microseconds?, ordinal: Int, type: FeatureType, maxAge: Microseconds?, isStatic: Bool,
        byIngest: Bool,
        in visible: [Row]
    ) -> (Value, CellStatus) {
        guard let time, !keys.contains(.null) else { return (.null, .notFound) }
        var best: Row?
        for row in visible where row.keys == keys && row.eventTime <= time {
            if byIngest && (row.availableTime ?? row.ingestTime) > time { continue }
            if let held = best, Oracle.isBefore(row, held) { continue }
            best = row
        }
        guard let best, !best.isDelete else { return (.null, .notFound) }
        if let maxAge, !isStatic {
            // As whole numbers of more bits, so that nothing overflows.
            let age = Int128(time) - Int128(best.eventTime)
            if age > Int128(maxAge) { return (.null, .outsideMaxAge) }
        }
        let value = Oracle.widened(best.features[ordinal] ?? .null, type)
        return (value, value.isNull ? .nullValue : .present)
    }

    /// Rows in the order of a scan.
    static func inOrder(_ rows: [Row]) -> [Row] {
        rows.sorted { left, right in
            for (a, b) in zip(left.keys, right.keys) where a != b { return isBefore(a, b) }
            return isBefore(left, right)
        }
    }

    static func isBefore(_ left: Row, _ right: Row) -> Bool {
        if left.eventTime != right.eventTime { return left.eventTime < right.eventTime }
        if left.position != right.position { return left.position < right.position }
        return left.row < right.row
    }

    /// The order of key values; strings and bytes as unsigned bytes.
    static func isBefore(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.int32(let a), .int32(let b)): a < b
        case (.int64(let a), .int64(let b)), (.timestamp(let a), .timestamp(let b)): a < b
        case (.string(let a), .string(let b)), (.bytes(let a), .bytes(let b)): a.bytes.lexicographicallyPrecedes(b.bytes)
        default: false
        }
    }

    static func widened(_ value: Value, _ type: FeatureType) -> Value {
        switch (value, type) {
        case (.int32(let small), .int64): .int64(Int64(small))
        case (.float32(let small), .float64): .float64(Double(small))
        default: value
        }
    }
}
