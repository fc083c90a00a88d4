internal import FeatureModel
internal import Foundation

/// Real data: what examples/flights/prepare.py makes of the departures from New York in 2013.
extension OfflineTable {
    /// The planes' arrivals and the airports' weather; none where the files are not there.
    static func flights(in directory: String) -> [OfflineTable] {
        let kinds: [(name: String, columns: [(String, String)])] = [
            (
                "last_flight",
                [
                    ("tailnum", "string"), ("event_time", "timestamp"), ("dep_delay", "int32"), ("arr_delay", "int32"),
                    ("carrier", "string"), ("origin", "string"), ("dest", "string"),
                ]
            ),
            (
                "weather",
                [("origin", "string"), ("time_hour", "timestamp"), ("wind_dir", "int32")]
                    + ["temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"].map { ($0, "float64") }
            ),
        ]
        return kinds.compactMap { name, columns in
            let csv = "\(directory)/\(name).csv"
            guard let text = try? String(contentsOfFile: csv, encoding: .utf8) else { return nil }
            return OfflineTable(
                name: name, rowCount: text.utf8.count { $0 == UInt8(ascii: "\n") } - 1,
                columns: columns.map { TableColumn(name: $0.0, type: $0.1) }, directory: directory, csv: csv)
        }
    }

    /// All cells of a CSV file without quotes.
    func csvColumns(_ path: String) throws -> [Column] {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let header = lines[0].split(separator: ",", omittingEmptySubsequences: false)
        let places = columns.map { column in header.firstIndex { $0 == column.name }! }
        var builders = try columns.map { ColumnBuilder(try .parse($0.type)) }
        for line in lines.dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            for (number, place) in places.enumerated() {
                if cells[place].isEmpty { builders[number].appendNull() } else { builders[number].append(csv: cells[place]) }
            }
        }
        return builders.map { $0.finish() }
    }
}

extension ColumnBuilder {
    fileprivate mutating func append(csv cell: Substring) {
        switch type {
        case .string: append(text: cell.utf8)
        case .int32: append(int32: Int32(cell)!)
        case .timestamp: append(int64: TimeText.parse(cell)!)
        case .float64: append(float64: Double(cell)!)
        default: preconditionFailure("flights have no \(type)")
        }
    }
}
