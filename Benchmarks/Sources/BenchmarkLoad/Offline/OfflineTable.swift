internal import FeatureModel
internal import Foundation

/// Made-up history of one group, in the order in which it arrives, and spines for it: the same for every system.
public struct OfflineTable: Sendable {
    /// How often each key has rows.
    public enum Keys: Sendable {
        case uniform
        /// Key number k with a chance that falls as 1 / k.
        case zipf
    }

    public struct TableColumn: Sendable {
        public let name: String
        let type: FeatureType
        /// One a row: the bits of its cells.
        fileprivate(set) var words: [Int64]
    }

    /// The year whose instants all times lie in.
    static let start: Microseconds = 1_700_000_000_000_000
    static let length: Microseconds = 365 * 86_400 * 1_000_000

    /// The first instant of the year, and one in its middle.
    public static var firstTime: Int64 { start }
    public static var middleTime: Int64 { start + length / 2 }

    /// The bits of a column's cells.
    public func words(_ column: String) -> [Int64] { columns.first { $0.name == column }!.words }

    public let name: String
    public let rowCount: Int
    /// key, event_time, then features.
    public internal(set) var columns: [TableColumn]

    public var featureNames: [String] { columns.dropFirst(2).map(\.name) }

    /// A history: an int64 key, a time, six float64 of a normal distribution, four int64 of 7, 14, 20 and 31 bits.
    ///
    /// - Parameter differentTimes: with a number there are only so many times, so that rows of a key share them.
    public init(name: String, rows: Int, keys: Int, distribution: Keys = .uniform, differentTimes: Int? = nil, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.name = name
        rowCount = rows
        var table = [Self.keyColumn(rows, keys, distribution, &random), Self.timeColumn(rows, differentTimes, &random)]
        for number in 0..<6 {
            table.append(
                TableColumn(
                    name: "\(name)_f\(number)", type: .float64,
                    words: (0..<rows).map { _ in Int64(bitPattern: random.normal().bitPattern) }))
        }
        for (number, range) in [100, 10_000, 1_000_000, 1 << 31].enumerated() {
            table.append(
                TableColumn(name: "\(name)_i\(number)", type: .int64, words: (0..<rows).map { _ in Int64(random.below(range)) }))
        }
        columns = table
    }

    /// A spine: keys and times of the same distributions, in no order.
    public init(spine name: String, rows: Int, keys: Int, distribution: Keys = .uniform, seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.name = name
        rowCount = rows
        columns = [Self.keyColumn(rows, keys, distribution, &random), Self.timeColumn(rows, nil, &random)]
    }

    private static func keyColumn(_ rows: Int, _ keys: Int, _ distribution: Keys, _ random: inout SeededRandom) -> TableColumn {
        let words: [Int64] =
            switch distribution {
            case .uniform: (0..<rows).map { _ in Int64(random.below(keys)) }
            // The inverse of the integral of 1 / k.
            case .zipf: (0..<rows).map { _ in Int64(pow(Double(keys), random.unit())) - 1 }
            }
        return TableColumn(name: "key", type: .int64, words: words)
    }

    private static func timeColumn(_ rows: Int, _ different: Int?, _ random: inout SeededRandom) -> TableColumn {
        let step = different.map { length / Int64($0) } ?? 1
        return TableColumn(
            name: "event_time", type: .timestamp,
            words: (0..<rows).map { _ in start + Int64(random.below(Int(length / step))) * step })
    }

    // MARK: For the peers

    /// Writes each column's cells as they lie in memory, little-endian.
    func write(to directory: String) throws {
        for column in columns {
            let data = unsafe column.words.withUnsafeBytes { unsafe Data($0) }
            try data.write(to: URL(fileURLWithPath: "\(directory)/\(name).\(column.name).bin"))
        }
    }

    func removeFiles(in directory: String) {
        for column in columns { try? FileManager.default.removeItem(atPath: "\(directory)/\(name).\(column.name).bin") }
    }

    /// Names and types.
    var columnKinds: [[String]] { columns.map { [$0.name, "\($0.type)"] } }

    // MARK: For the store

    func schema(groupID: GroupID) -> GroupSchema {
        GroupSchema(
            groupID: groupID, schemaVersion: 1, keys: [Field("key", .int64)], eventTimeName: "event_time",
            features: columns.dropFirst(2).map { Field($0.name, $0.type) })
    }

    func column(_ number: Int, _ rows: Range<Int>) -> Column {
        let column = columns[number]
        var builder = ColumnBuilder(column.type, capacity: rows.count)
        for row in rows {
            if column.type == .float64 {
                builder.append(float64: Double(bitPattern: UInt64(bitPattern: column.words[row])))
            } else {
                builder.append(int64: column.words[row])
            }
        }
        return builder.finish()
    }

    func batch(_ rows: Range<Int>) -> Batch {
        Batch(rowCount: rows.count, columns: columns.indices.map { ($0, column($0, rows)) })
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

    func record(_ rows: Range<Int>, _ schema: GroupSchema, position: Position) -> AppliedRecord {
        let entry = AppliedEntry(schema: schema, operation: .write, batch: batch(rows), firstRow: 0)
        return AppliedRecord(position: position, ingestTime: Self.start + Int64(position) * 1_000_003, entries: [entry])
    }
}

extension SeededRandom {
    /// 0 ..< 1.
    fileprivate mutating func unit() -> Double { Double.random(in: 0..<1, using: &self) }

    fileprivate mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// Of mean 0 and deviation 1. *Source*: Box and Muller, 1958.
    fileprivate mutating func normal() -> Double { (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit()) }
}
