import Foundation

/// One line on standard error that says how far long work has come; shown to people only, and only when work takes long.
struct Progress {
    private let label: String
    private let isShown: Bool
    private let clock = ContinuousClock()
    private let started: ContinuousClock.Instant
    private var shown: ContinuousClock.Instant?
    private var width = 0

    init(_ label: String) {
        self.label = label
        isShown = Console.errorIsTerminal
        started = clock.now
    }

    var elapsed: Duration { clock.now - started }

    /// - Parameter fraction: how much of the work is done, from 0 to 1; `nil` where that is not known.
    mutating func update(rows: Int, fraction: Double?) {
        guard isShown else { return }
        let now = clock.now
        guard now - (shown ?? started) > .milliseconds(shown == nil ? 500 : 200) else { return }
        shown = now
        let seconds = (now - started) / .seconds(1)
        var line = "\(label): \(NumberFormat.count(rows)) rows, \(NumberFormat.count(Int(Double(rows) / seconds))) rows/s"
        if let fraction, fraction > 0.01 {
            let left = seconds / fraction - seconds
            line += ", \(Int(fraction * 100)) %, \(NumberFormat.fixed(left, left < 10 ? 1 : 0)) s left"
        }
        draw(line)
    }

    /// Clears the line, so that results or errors can follow.
    mutating func finish() {
        guard shown != nil else { return }
        draw("")
        Console.note("\r")
        shown = nil
    }

    private mutating func draw(_ line: String) {
        let padding = String(repeating: " ", count: max(0, width - line.count))
        Console.note("\r\(line)\(padding)")
        width = line.count
    }
}
