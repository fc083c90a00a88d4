public import FeatureModel

/// The two text formats of tables.
public enum TableFormat: Sendable, CaseIterable {
    case csv
    case ndjson

    /// The format that a file's name tells: `.csv`, `.ndjson` or `.jsonl`.
    ///
    /// - Throws: `.invalidArgument` for any other name.
    public init(path: String) throws(HeadwaterError) {
        let name = path.lowercased()
        if name.hasSuffix(".csv") {
            self = .csv
        } else if name.hasSuffix(".ndjson") || name.hasSuffix(".jsonl") {
            self = .ndjson
        } else {
            throw HeadwaterError(.invalidArgument, "a table's name ends in .csv, .ndjson or .jsonl", at: path)
        }
    }
}

/// A column that a reader of tables wants.
public struct TableColumn: Hashable, Sendable {
    public let name: String
    public let type: FeatureType
    /// What the batch calls the column.
    public let ordinal: Int
    /// Whether the column must be there and hold no null.
    public let isRequired: Bool
    /// Names that a table may call it by as well: it had them before.
    public var oldNames: [String] = []

    public init(_ name: String, _ type: FeatureType, ordinal: Int, isRequired: Bool = false) {
        self.name = name
        self.type = type
        self.ordinal = ordinal
        self.isRequired = isRequired
    }

    /// All columns of a group, as `write` reads them: keys and event time are required.
    public static func columns(of schema: GroupSchema) -> [TableColumn] {
        schema.columns.enumerated().map { ordinal, field in
            let isRequired = ordinal < schema.keys.count || ordinal == schema.eventTimeOrdinal
            return TableColumn(field.name, field.type, ordinal: ordinal, isRequired: isRequired)
        }
    }

    /// The columns that a table of rows of a group may have: those that `columns` or `deleteColumns` give.
    ///
    /// - Parameters:
    ///   - removed: features that were: they keep their places, and no table has them.
    ///   - oldNames: of features, by the name of now.
    public static func columns(
        of schema: GroupSchema, _ operation: Operation, removed: Set<String>, oldNames: [String: [String]]
    ) -> [TableColumn] {
        var columns = operation == .write ? columns(of: schema) : deleteColumns(of: schema)
        columns.removeAll { removed.contains($0.name) }
        for index in columns.indices { columns[index].oldNames = oldNames[columns[index].name] ?? [] }
        return columns
    }

    /// The columns of a delete: keys, and an event time that may be missing.
    public static func deleteColumns(of schema: GroupSchema) -> [TableColumn] {
        var columns = schema.keys.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0, isRequired: true) }
        if let name = schema.eventTimeName, let ordinal = schema.eventTimeOrdinal {
            columns.append(TableColumn(name, .timestamp, ordinal: ordinal))
        }
        return columns
    }
}
