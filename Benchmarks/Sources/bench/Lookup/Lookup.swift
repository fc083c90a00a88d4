import ArgumentParser
import BenchmarkLoad
import Foundation

/// Gets inside the process.
struct Lookup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Random gets of 10 int64 inside the process, in batches, on one core: the store without a socket.")

    @Option(parsing: .upToNextOption, help: "Rows of the stores.")
    var rows = [1_000, 1_000_000, 10_000_000]

    @Option(help: "Keys read together.")
    var batch = 100

    @Option(help: "Rounds.")
    var rounds = 5

    @Option(help: "Measured seconds of a round.")
    var seconds = 1.0

    @Option(help: "A directory for the snapshots.")
    var directory = "/tmp"

    @Flag(help: "Print one JSON document instead of the table.")
    var json = false

    private static let barRows = 10_000_000
    private static let bar = 5e6

    private struct Line: Encodable {
        let rows: Int
        let place: String
        let getsPerSecond: Spread
        let nanosecondsEach: Double
        /// Of the rate with all batches at one position: what is left of it when each pins its own.
        let ratioToOnePosition: Spread
        let isMet: Bool?
    }

    func validate() throws {
        guard rows.allSatisfy({ $0 > 0 }), batch > 0, rounds > 0, seconds > 0 else {
            throw ValidationError("rows, batch, rounds and seconds are above zero")
        }
    }

    func run() throws {
        try runOn(cores: "0")
        var lines: [Line] = []
        for count in rows {
            let place = "\(directory)/headwater-lookup-\(UInt32.random(in: .min ... .max))"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: place) }
            FileHandle.standardError.write(Data("\(count) rows\n".utf8))
            let runner = LookupRunner(rows: count, batch: batch, rounds: rounds, seconds: seconds, directory: place)
            for figures in try runner.run() {
                let spread = Spread(figures.getsPerSecond)
                lines.append(
                    Line(
                        rows: count, place: figures.place.rawValue, getsPerSecond: spread, nanosecondsEach: 1e9 / spread.median,
                        ratioToOnePosition: Spread(zip(figures.getsPerSecond, figures.onePositionGetsPerSecond).map { $0 / $1 }),
                        isMet: count >= Self.barRows ? spread.median >= Self.bar : nil))
            }
        }
        print(json ? try jsonDocument(["lookup": lines]) : text(lines))
    }

    private func text(_ lines: [Line]) -> String {
        var text = [
            "Random gets of 10 int64 in batches of \(batch), one core, answers written out; median (min … max) of \(rounds) rounds.",
            "Each batch at a position of its own; behind it, of the rate with all batches at one position.",
        ]
        for line in lines {
            let rate = line.getsPerSecond
            let whole = line.ratioToOnePosition
            let bar = line.isMet.map { "  bar 5 M: \($0 ? "met" : "NOT MET")" } ?? ""
            text.append(
                String(
                    format: "%10d rows  %@  %6.2f M gets/s (%.2f … %.2f), %4.0f ns each, %.3f (%.3f … %.3f)", line.rows,
                    line.place.padding(toLength: 8, withPad: " ", startingAt: 0), rate.median / 1e6, rate.min / 1e6,
                    rate.max / 1e6,
                    line.nanosecondsEach, whole.median, whole.min, whole.max) + bar)
        }
        return text.joined(separator: "\n")
    }
}
