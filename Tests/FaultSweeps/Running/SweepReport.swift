import Foundation

/// Counts verdicts by each of a sweep's groupings, and keeps what is wrong.
public struct SweepReport: Codable, Sendable {
    public struct Finding: Codable, Sendable {
        public let caseID: String
        public let outcome: String
        public let detail: String
        /// All of it in a line, with how to run it again.
        public let summary: String

        init(sweep: String, caseID: String, _ verdict: Verdict) {
            (self.caseID, outcome, detail) = (caseID, verdict.outcome, verdict.detail)
            summary = "\(outcome): \(detail) (again: sweep \(sweep) --case '\(caseID)')"
        }
    }

    public struct Table: Codable, Sendable {
        public let grouping: String
        /// Cases by row and outcome.
        public internal(set) var rows: [String: [String: Int]] = [:]
    }

    public let sweep: String
    /// Cases that exist, and cases that ran.
    public let total: Int
    public private(set) var cases = 0
    public private(set) var outcomes: [String: Int] = [:]
    public private(set) var tables: [Table]
    public private(set) var violations: [Finding] = []
    /// One case of each outcome and row that says something: to look at, and to run again.
    public private(set) var examples: [Finding] = []
    public var seconds = 0.0
    private var seen: Set<String> = []

    private enum CodingKeys: CodingKey { case sweep, total, cases, outcomes, tables, violations, examples, seconds }

    public init<S: Sweep>(_: S.Type, total: Int) {
        sweep = S.name
        self.total = total
        tables = S.groupings.map { Table(grouping: $0) }
    }

    public mutating func add<S: Sweep>(_ index: Int, _ verdict: Verdict, of sweep: S) {
        cases += 1
        outcomes[verdict.outcome, default: 0] += 1
        let groups = sweep.groups(index)
        for (table, row) in groups.enumerated() { tables[table].rows[row, default: [:]][verdict.outcome, default: 0] += 1 }
        let finding = Finding(sweep: S.name, caseID: sweep.id(index), verdict)
        if verdict.isViolation { violations.append(finding) }
        if !verdict.detail.isEmpty, seen.insert("\(groups) \(verdict.outcome)").inserted { examples.append(finding) }
    }

    /// Counts what is wrong before the first case: a sweep that cannot begin.
    public mutating func add<S: Sweep>(failure: any Error, of _: S.Type) {
        violations.append(Finding(sweep: S.name, caseID: "none", Verdict("no sweep", "\(failure)", isViolation: true)))
    }

    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// The tables for people; `order` is that of the columns.
    public func text(_ order: [String]) -> String {
        let columns = order.filter { outcomes[$0] != nil } + outcomes.keys.filter { !order.contains($0) }.sorted()
        var lines: [String] = []
        for table in tables {
            let width = max(table.grouping.count, 5, table.rows.keys.map(\.count).max() ?? 0)
            func line(_ name: String, _ cells: [String]) -> String {
                name.padding(toLength: width, withPad: " ", startingAt: 0)
                    + zip(columns + ["cases"], cells).map { column, cell in
                        "  " + String(repeating: " ", count: max(0, column.count - cell.count)) + cell
                    }.joined()
            }
            lines.append(line(table.grouping, columns + ["cases"]))
            for (row, counts) in table.rows.sorted(by: { $0.key < $1.key }) {
                lines.append(line(row, columns.map { "\(counts[$0] ?? 0)" } + ["\(counts.values.reduce(0, +))"]))
            }
            lines.append(line("total", columns.map { "\(outcomes[$0] ?? 0)" } + ["\(cases)"]))
            lines.append("")
        }
        for finding in violations.prefix(20) {
            lines.append(finding.summary)
        }
        if violations.count > 20 { lines.append("… and \(violations.count - 20) more; --json lists all") }
        lines.append(
            "sweep \(sweep): \(cases) of \(total) cases in \(Int(seconds)) s, \(violations.count) violations")
        return lines.joined(separator: "\n")
    }
}
