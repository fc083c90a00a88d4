import Catalog
import FeatureModel

/// A write that counts: its rows with the place and time that it was answered.
struct AppliedWrite {
    let rows: [WrittenRow]
    let position: Position
    let ingestTime: Microseconds
    /// The client's number for it; 0 where nobody asks.
    var number = 0
}

extension Picture {
    /// What a store must show that has applied just these writes and cutoffs: the oracle, which knows no store.
    init(writes: [AppliedWrite], cutoffs: [RetentionCutoff], catalog: Catalog) {
        for group in catalog.allGroups {
            let schema = group.newestSchema
            let cutoff = cutoffs.filter { $0.groupID == group.id }.map(\.cutoff).max() ?? .min
            var expected = Group()
            expected.history = Self.lines(writes, schema).filter { $0.order.eventTime >= cutoff }
            let byKey = Dictionary(grouping: expected.history, by: \.key)
            expected.latest = byKey.values.map { $0.last!.asLatest }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            for key in SweptKeys(schema).rows {
                let lines = byKey[KeyText.key(schema, key)] ?? []
                expected.vectors.append(
                    Self.cells(lines.last, schema, at: Self.getTime, maxAge: group.maxAgeMicroseconds))
                for time in Self.spineTimes {
                    let match = lines.last { schema.isStatic || $0.order.eventTime <= time }
                    expected.joined.append(Self.cells(match, schema, at: time, maxAge: group.maxAgeMicroseconds))
                }
            }
            groups[group.id] = expected
        }
    }

    static func lines(_ writes: [AppliedWrite], _ schema: GroupSchema) -> [Line] {
        var lines: [Line] = []
        for write in writes {
            for (number, row) in write.rows.enumerated() where row.schema.groupID == schema.groupID {
                var eventTime = EventTime.always
                if let ordinal = schema.eventTimeOrdinal {
                    guard case .timestamp(let time) = row.cells[ordinal] else {
                        preconditionFailure("swept rows have their times")
                    }
                    eventTime = time
                }
                lines.append(
                    Line(
                        key: row.key, order: RowOrder(eventTime: eventTime, position: write.position, row: UInt32(number)),
                        isTombstone: row.operation == .delete, ingestTime: write.ingestTime, features: features(row, schema)))
            }
        }
        return lines.sorted { $0.key == $1.key ? $0.order < $1.order : $0.key.lexicographicallyPrecedes($1.key) }
    }

    /// The features as the newest schema has them: widened, or null where the row's own schema had none.
    private static func features(_ row: WrittenRow, _ schema: GroupSchema) -> [Value] {
        schema.features.indices.map { index in
            guard row.operation == .write, index < row.schema.features.count else { return .null }
            switch (row.cells[row.schema.featureBase + index], schema.features[index].type) {
            case (.int32(let value), .int64): return .int64(Int64(value))
            case (.float32(let value), .float64): return .float64(Double(value))
            case (let value, _): return value
            }
        }
    }

    private static func cells(_ line: Line?, _ schema: GroupSchema, at time: Microseconds, maxAge: Microseconds?) -> [Cell] {
        let status: CellStatus? =
            if let line, !line.isTombstone {
                if let maxAge, line.order.eventTime < time - maxAge { .outsideMaxAge } else { nil }
            } else {
                .notFound
            }
        return schema.features.indices.map { index in
            if let status { return Cell(value: .null, status: status) }
            let value = line!.features[index]
            return Cell(value: value, status: value.isNull ? .nullValue : .present)
        }
    }
}

extension Picture.Line {
    /// The row as the online store has it.
    fileprivate var asLatest: Self {
        Self(key: key, order: order, isTombstone: isTombstone, ingestTime: nil, features: features)
    }
}
