import BenchmarkLoad
import Foundation

/// What `bench online` prints.
struct OnlineReport {
    let options: OnlineOptions
    var cases: [OnlineFigures] = []

    /// A server under a closed loop that uses less of its core was held back by something else on the machine.
    private static let coreBusy = 0.85
    private static let columns = ["work", "Headwater", "peer", "floor", "ratio (min … max)", "bar", "met"]

    func text() -> String {
        var lines = [
            "Servers on core 0, one load generator for all on core 1, Unix sockets; medians of \(options.rounds) alternating rounds of",
            "\(options.seconds) s with the least and the most; ratios round by round; one reply in 64 checked. Floor: a C server that moves",
            "the same bytes and does nothing else.",
            "",
        ]
        var rows = [Self.columns]
        for item in cases { rows += item.lines.map(row) }
        let widths = Self.columns.indices.map { column in rows.map { $0[column].count }.max()! }
        for (index, row) in rows.enumerated() {
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            lines.append(cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces).isEmpty ? "" : trimmed(cells))
            if index == 0 { lines.append(widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")) }
        }
        if options.redis == nil, !options.isScraped {
            lines += ["", "Redis is skipped: redis-server is not installed (apt-get install redis-server)"]
        }
        if options.floor == nil, !options.isScraped { lines += ["", "the floor is skipped: 'make bench-online' builds it"] }
        for note in Set(cases.flatMap(\.notes)).sorted() { lines += ["", note] }
        for item in cases where item.isClosedLoop {
            for system in item.systems where system.serverCores.median < Self.coreBusy {
                lines.append(
                    "\(item.name), \(system.name): the server used \(number(system.serverCores.median)) of its core: not its full speed"
                )
            }
        }
        return lines.joined(separator: "\n")
    }

    private func trimmed(_ cells: [String]) -> String {
        var line = cells.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }

    private func row(_ line: OnlineLine) -> [String] {
        var ratio = ""
        var wanted = ""
        if let bar = line.bar {
            let measured = bar.measured
            ratio = "\(bar.name) \(number(measured.median)) (\(number(measured.min)) … \(number(measured.max)))"
            wanted = bar.wanted.map { "\(bar.isAtMost ? "<=" : ">=") \(number($0))" } ?? ""
        }
        let outcome = line.bar?.isMet.map { $0 ? "met" : "NOT MET" } ?? ""
        return [line.work, line.headwater, line.peer, line.floor, ratio, wanted, outcome]
    }

    private struct Document: Encodable {
        let rounds: Int
        let seconds: Double
        let rows: Int
        let keys: String
        let online: [OnlineFigures]
    }

    func json() throws -> String {
        let document = Document(
            rounds: options.rounds, seconds: options.seconds, rows: options.rows, keys: "\(options.keys)", online: cases)
        return try jsonDocument(document)
    }
}
