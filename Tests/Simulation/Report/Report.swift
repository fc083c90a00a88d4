import FeatureModel

/// What many seeds showed.
public struct Report: Sendable {
    public private(set) var seeds = 0
    public private(set) var violations: [Violation] = []
    /// Stands for all that happened in all seeds, in whatever order they ran: the same seeds give the same one.
    public private(set) var traceHash: UInt64 = 0
    private var figures = Figures()
    private var seedsByMode: [(mode: String, seeds: Int)] = Scenario.Mode.allCases.map { ($0.rawValue, 0) }

    public init() {}

    public mutating func add(_ result: SeedResult) {
        seeds += 1
        figures += result.figures
        violations += result.violations
        traceHash &+= (result.traceHash ^ result.seed) &* 0x9E37_79B9_7F4A_7C15
        for index in seedsByMode.indices where seedsByMode[index].mode == result.mode { seedsByMode[index].seeds += 1 }
    }

    public var simulatedHours: Double { Double(figures.virtualMicroseconds) / 3_600_000_000 }

    /// Every count by its name, in the order of the table.
    public var counts: [(name: String, value: Int)] {
        [("seeds", seeds)] + seedsByMode.map { ("seeds as \($0.mode)", $0.seeds) } + figures.named + [
            ("violations", violations.count)
        ]
    }

    /// The table for people.
    public var table: String {
        let minutes = Int(simulatedHours * 60)
        let rows =
            [("simulated time", "\(minutes / 60) h \(minutes % 60) min"), ("trace", String(traceHash, radix: 16))]
            + counts.map { ($0.name, Self.grouped($0.value)) }
        let width = (rows.map(\.0.count).max() ?? 0) + 18
        var text = ""
        for (name, value) in rows {
            text += name + String(repeating: " ", count: width - name.count - value.count) + value + "\n"
        }
        for violation in violations {
            text += "\nseed \(violation.seed) broke \(violation.property): \(violation.message)\n    \(violation.replay)\n"
        }
        return text
    }

    private static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in "\(number)".enumerated() {
            if index > 0, ("\(number)".count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }
}
