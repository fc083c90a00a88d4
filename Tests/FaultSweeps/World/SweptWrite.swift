import Catalog
import FeatureModel
import TestSupport

/// One row as its writer knows it: boxed cells by ordinal of the schema that it was written under.
struct WrittenRow {
    let schema: GroupSchema
    let operation: Operation
    let cells: [Value]

    var key: [UInt8] { KeyText.key(schema, cells) }
}

/// A write request: its bytes, and the same rows as the client keeps them.
struct SweptWrite {
    let rows: [WrittenRow]
    let body: [UInt8]

    /// The write with this number against the catalog's newest schemas: the same number and schemas give the same write.
    ///
    /// - Parameter groups: names of the groups that get an entry each.
    init(number: Int, groups: [String], operation: Operation, rowCount: Int, catalog: Catalog) throws(HeadwaterError) {
        var random = SplitMix64(seed: UInt64(number) &+ 0x5EED)
        var rows: [WrittenRow] = []
        var entries: [RecordEntry] = []
        for name in groups {
            let schema = catalog.group(project: SweptDefinitions.project, name: name)!.newestSchema
            let written = (0..<rowCount).map { _ in
                WrittenRow(schema: schema, operation: operation, cells: random.cells(schema, operation))
            }
            entries.append(try Self.entry(schema, operation, written))
            rows += written
        }
        self.rows = rows
        // Both forms: which one follows from the number too.
        body = RecordBody.encode(entries, isCompact: number % 2 == 0)
    }

    private static func entry(
        _ schema: GroupSchema, _ operation: Operation, _ rows: [WrittenRow]
    ) throws(HeadwaterError) -> RecordEntry {
        var columns: [(ordinal: Int, column: Column)] = []
        for ordinal in 0..<(rows.first?.cells.count ?? 0) {
            columns.append((ordinal, try Column(schema.type(ofOrdinal: ordinal), rows.map { $0.cells[ordinal] })))
        }
        return RecordEntry(
            groupID: schema.groupID, schemaVersion: schema.schemaVersion, operation: operation,
            batch: Batch(rowCount: rows.count, columns: columns))
    }
}

enum KeyText {
    /// The key bytes of a row's first cells.
    static func key(_ schema: GroupSchema, _ cells: [Value]) -> [UInt8] {
        let columns = schema.keys.enumerated().map { index, field in
            // Keys of a swept row are of their columns' types.
            try! Column(field.type, [cells[index]])  // swift-format-ignore: NeverUseForceTry
        }
        return KeyCodec.key(columns, row: 0) ?? []
    }
}

extension SplitMix64 {
    /// Key, event time, available time, features; of a delete the key and the event time.
    fileprivate mutating func cells(_ schema: GroupSchema, _ operation: Operation) -> [Value] {
        var cells = schema.keys.map { key($0.type) }
        if !schema.isStatic { cells.append(.timestamp(SweptTime.event + Microseconds(int(0...40)) * 1_000_000)) }
        if operation == .delete { return cells }
        if schema.availableTimeName != nil {
            cells.append(chance(0.5) ? .null : .timestamp(SweptTime.event + Microseconds(int(0...80)) * 1_000_000))
        }
        for feature in schema.features { cells.append(value(feature.type, nulls: 0.2)) }
        return cells
    }

    private mutating func key(_ type: FeatureType) -> Value {
        let number = int(0...3)
        switch type {
        case .int64: return .int64(Int64(number) - 1)
        case .string: return .string(ByteString(["", "a\0", "\u{E9}", "e\u{301}"][number]))
        case .timestamp: return .timestamp(Microseconds(number % 2))
        default: preconditionFailure("no swept key has type \(type)")
        }
    }
}

/// The clock of a swept life, in microseconds.
enum SweptTime {
    /// The earliest event time.
    static let event: Microseconds = 1_600_000_000_000_000
    /// When a life begins; each command comes a second later.
    static let start: Microseconds = event + 50_000_000
}
