import FeatureModel

/// One position as the checker knows it.
final class ModelRecord {
    let position: Position
    let ingestTime: Microseconds
    let kind: RecordKind
    let write: Write?
    let cutoff: RetentionCutoff?
    /// The life of the online service that found the record gone; `nil` while it stands.
    var lostIn: Int?

    init(_ record: Record, write: Write?, cutoff: RetentionCutoff?) {
        position = record.position
        ingestTime = record.ingestTime
        kind = record.kind
        self.write = write
        self.cutoff = cutoff
    }

    /// Whether a store at `position`, served in `life`, holds it.
    func isIn(_ position: Position, _ life: Int) -> Bool {
        self.position <= position && (lostIn == nil || life < lostIn!)
    }
}

/// One row of the fold.
struct ModelRow {
    let record: ModelRecord
    let key: [UInt8]
    let order: RowOrder
    let isDelete: Bool
    /// By feature; shorter than a newer schema's list, the rest is null.
    let cells: [Value]

    func cell(_ feature: Int, as type: FeatureType) -> Value {
        guard feature < cells.count, !isDelete else { return .null }
        switch (cells[feature], type) {
        case (.int32(let cell), .int64): return .int64(Int64(cell))
        case (.float32(let cell), .float64): return .float64(Double(cell))
        case (let cell, _): return cell
        }
    }
}

/// The fold of the log as plainly as it can be written: all rows of the clients' own journal, in the order of their positions.
struct Model {
    /// Every position that a record ever had, rising.
    private(set) var records: [ModelRecord] = []
    private(set) var rows: [GroupID: [[UInt8]: [ModelRow]]] = [:]
    private(set) var cutoffs: [ModelRecord] = []

    var lastPosition: Position { records.last?.position ?? 0 }
    /// The last position that still stands.
    var lastStanding: ModelRecord? { records.last { $0.lostIn == nil } }

    mutating func append(_ record: ModelRecord) {
        records.append(record)
        if record.kind == .cutoff { cutoffs.append(record) }
        guard let write = record.write else { return }
        var number: UInt32 = 0
        for entry in write.entries {
            let schema = entry.schema
            for row in entry.rows {
                let values = Dictionary(uniqueKeysWithValues: zip(entry.ordinals, row))
                let keys = schema.keys.indices.map { Self.column(schema.keys[$0].type, values[$0]!) }
                var eventTime = EventTime.always
                if let ordinal = schema.eventTimeOrdinal {
                    eventTime = if case .timestamp(let time)? = values[ordinal] { time } else { record.ingestTime }
                }
                let key = KeyCodec.key(keys, row: 0)!
                let order = RowOrder(eventTime: eventTime, position: record.position, row: number)
                let cells = schema.features.indices.map { values[schema.featureBase + $0] ?? .null }
                rows[schema.groupID, default: [:]][key, default: []].append(
                    ModelRow(record: record, key: key, order: order, isDelete: entry.operation == .delete, cells: cells))
                number += 1
            }
        }
    }

    private static func column(_ type: FeatureType, _ value: Value) -> Column {
        do { return try Column(type, [value]) } catch { preconditionFailure("\(error)") }
    }

    /// Rows of the group older than this are hidden.
    func cutoff(_ group: GroupID, at position: Position, life: Int) -> Microseconds {
        cutoffs.reduce(.min) { greatest, record in
            record.cutoff!.groupID == group && record.isIn(position, life) ? max(greatest, record.cutoff!.cutoff) : greatest
        }
    }

    /// The rows of one key in order, tombstones included.
    func history(_ group: GroupID, _ key: [UInt8], at position: Position, life: Int) -> [ModelRow] {
        let cutoff = cutoff(group, at: position, life: life)
        return (rows[group]?[key] ?? []).filter { $0.record.isIn(position, life) && $0.order.eventTime >= cutoff }
            .sorted { $0.order < $1.order }
    }

    func latest(_ group: GroupID, _ key: [UInt8], at position: Position, life: Int) -> ModelRow? {
        let cutoff = cutoff(group, at: position, life: life)
        return (rows[group]?[key] ?? []).filter { $0.record.isIn(position, life) && $0.order.eventTime >= cutoff }
            .max { $0.order < $1.order }
    }

    /// Every key of a group, sorted as bytes.
    func keys(_ group: GroupID) -> [[UInt8]] {
        (rows[group] ?? [:]).keys.sorted { $0.lexicographicallyPrecedes($1) }
    }
}
