/// What good clients met beside one attack.
struct AttackFigures: Sendable {
    let attack: Attack
    let quiet: Probe.Times
    let beside: Probe.Times
    /// Writes of 16 MiB beside it, in milliseconds, and gets meanwhile.
    var writes: [Int] = []
    var besideWrites: Probe.Times?
    /// Memory of the server's own, in MiB: before, at most, and after the attack.
    let before: Int
    let peak: Int
    let after: Int
    /// The longest turn of an event loop since the server's start, in microseconds: as long
    /// as it ran, before the attack and at its end, and by the clock. A busy or virtual
    /// machine adds milliseconds to both: what is long before the attack is its doing.
    let turnQuiet: Int
    let turn: Int
    let turnByClock: Int
}

/// The figures of attacks as text for people.
enum HostileTable {
    private static let titles = [
        "attack", "quiet p50", "p99", "p99.9", "beside p50", "p99", "p99.9", "worst", "p99 beside writes",
        "16 MiB writes median", "worst", "memory before", "peak", "after", "longest turn quiet", "at the end", "by the clock",
    ]

    static func text(_ all: [AttackFigures]) -> String {
        let rows = [titles] + all.map(cells)
        let widths = titles.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            row.enumerated().map { index, cell in
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                return index == 0 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }
        return lines.joined(separator: "\n") + "\ntimes of gets and turns in ms, of writes in ms, memory (RssAnon) in MiB\n"
    }

    private static func cells(_ figures: AttackFigures) -> [String] {
        let writes = figures.writes.sorted()
        func times(_ times: Probe.Times) -> [String] { [0.5, 0.99, 0.999].map { milliseconds(times.percentile($0)) } }
        return [figures.attack.rawValue] + times(figures.quiet) + times(figures.beside)
            + [
                milliseconds(figures.beside.worst), figures.besideWrites.map { milliseconds($0.percentile(0.99)) } ?? "-",
                writes.isEmpty ? "-" : "\(writes[writes.count / 2])", writes.last.map { "\($0)" } ?? "-",
                "\(figures.before)", "\(figures.peak)", "\(figures.after)",
                milliseconds(figures.turnQuiet), milliseconds(figures.turn), milliseconds(figures.turnByClock),
            ]
    }

    private static func milliseconds(_ microseconds: Int) -> String {
        if microseconds == .max { return "-" }
        let hundredths = (microseconds + 5) / 10
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
