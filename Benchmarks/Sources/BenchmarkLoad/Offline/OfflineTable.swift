internal import FeatureModel
internal import Foundation

/// A table that every system of the offline benchmark is given: its cells stand in files, which each reads for itself.
public struct OfflineTable: Codable, Sendable {
    public struct TableColumn: Codable, Sendable {
        public let name: String
        /// As definitions spell it.
        public let type: String
    }

    public let name: String
    public let rowCount: Int
    /// The key, the time, then features.
    public let columns: [TableColumn]
    /// Where the raw columns lie: `NAME.COLUMN.bin`, 8 bytes a cell, little-endian.
    let directory: String
    /// Real data stand in a CSV file instead.
    var csv: String?

    public var featureNames: [String] { columns.dropFirst(2).map(\.name) }

    /// The bits of a column's cells.
    public func words(_ column: String) throws -> [Int64] {
        let data = try Data(contentsOf: file(column))
        return unsafe data.withUnsafeBytes { bytes in
            (0..<rowCount).map { unsafe bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self) }
        }
    }

    func file(_ column: String) -> URL { URL(fileURLWithPath: "\(directory)/\(name).\(column).bin") }

    /// Removes the cells: every system has stored them.
    func removeCells() {
        guard csv == nil else { return }
        for column in columns { try? FileManager.default.removeItem(at: file(column.name)) }
    }

    // MARK: For the store

    func schema(groupID: GroupID) throws(HeadwaterError) -> GroupSchema {
        GroupSchema(
            groupID: groupID, schemaVersion: 1, keys: [Field(columns[0].name, try .parse(columns[0].type))],
            eventTimeName: columns[1].name,
            features: try columns.dropFirst(2).map { column throws(HeadwaterError) in Field(column.name, try .parse(column.type))
            })
    }

    /// Cells of made-up data.
    func column(_ number: Int, _ rows: Range<Int>) throws -> Column {
        let column = columns[number]
        let handle = try FileHandle(forReadingFrom: file(column.name))
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(rows.lowerBound * 8))
        let data = try handle.read(upToCount: rows.count * 8) ?? Data()
        precondition(data.count == rows.count * 8, "\(name).\(column.name) has its cells")
        return Column(type: try .parse(column.type), count: rows.count, nullCount: 0, data: Array(data)[...])
    }

    func batch(_ rows: Range<Int>) throws -> Batch {
        Batch(rowCount: rows.count, columns: try columns.indices.map { ($0, try column($0, rows)) })
    }

    /// Definitions of tables for a server.
    static func definitions(_ tables: [OfflineTable]) -> String {
        var lines = [
            "project: \(Rows.project)", "entities:", "  - {name: key, keys: [{name: key, type: int64}]}", "feature_groups:",
        ]
        for table in tables {
            lines += ["  - name: \(table.name)", "    entity: key", "    event_time: event_time", "    features:"]
            lines += table.columns.dropFirst(2).map { "      - {name: \($0.name), type: \($0.type)}" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
