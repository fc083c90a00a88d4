import Foundation

/// All figures of an invocation, as text for people or as one JSON document.
enum Table {
    private static let titles =
        ["run", "seed", "seconds", "cycles", "checks", "acked", "by retry", "unknown", "found", "reads"]
        + Violation.allCases.map(\.rawValue) + ["recovery ms"]

    private static func cells(_ figures: Figures) -> [String] {
        let counts = [
            Int(figures.seconds), figures.cycles, figures.checks, figures.acknowledged, figures.acknowledgedByRetry,
            figures.unknown, figures.unknownFound, figures.reads,
        ]
        let violations = Violation.allCases.map { figures.violations[$0] ?? 0 }
        let recovery = figures.recoveryMilliseconds.sorted()
        let times = recovery.isEmpty ? [] : [recovery[0], recovery[recovery.count / 2], recovery[recovery.count - 1]]
        return [figures.name, "\(figures.seed)"] + (counts + violations).map { "\($0)" }
            + [times.isEmpty ? "-" : times.map { "\(Int($0.rounded()))" }.joined(separator: " / ")]
    }

    static func text(_ all: [Figures]) -> String {
        let ran = all.filter { $0.skipped == nil }
        let rows = [titles] + ran.map(cells)
        let widths = titles.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for row in rows {
            let cells = row.enumerated().map { index, cell in
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                return index == 0 ? cell + padding : padding + cell
            }
            text += cells.joined(separator: "  ") + "\n"
        }
        text += "recovery: from the spawn of a server to its first answer, least / median / worst\n"
        for figures in ran {
            var facts = figures.facts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            if figures.lostByInterval > 0 {
                facts.append(
                    "acknowledged within the interval before a power cut, and lost: \(figures.lostByInterval), the oldest "
                        + "\(Int(figures.lostAgeMilliseconds.rounded(.up))) ms")
            }
            if figures.toldLost > 0 { facts.append("reads told that their position is lost: \(figures.toldLost)") }
            if !figures.refusals.isEmpty {
                let codes = figures.refusals.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
                facts.append("writes not acknowledged: \(codes.joined(separator: ", "))")
            }
            if !facts.isEmpty { text += "\(figures.name): \(facts.joined(separator: ", "))\n" }
        }
        for figures in all {
            if let reason = figures.skipped { text += "\(figures.name): skipped: \(reason)\n" }
            if let reason = figures.leftOut { text += "\(figures.name): LEFT OUT: \(reason)\n" }
        }
        let broken = all.reduce(0) { $0 + $1.violationCount }
        return text + (broken == 0 ? "no promise was broken\n" : "\(broken) violations\n")
    }

    static func json(_ all: [Figures]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(all), as: UTF8.self) + "\n"
    }
}
