import ArgumentParser
import BenchmarkLoad
import FeatureModel
import Foundation

extension OnlineCaseName: @retroactive ExpressibleByArgument {}

extension KeyDistribution: @retroactive ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
    public var defaultValueDescription: String { description }
}

/// Reads beside Redis and the floor.
struct Online: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads beside Redis and a C server that moves the same bytes; starts; memory; Feast's grid.",
        discussion: "Servers run on core 0, the load on core 1. Prints one table; what is under way goes to standard error.")

    @Option(parsing: .upToNextOption, help: "The cases to run; all, if none is named.")
    var only: [OnlineCaseName] = []

    @Option(help: "Rounds of each system, alternating.")
    var rounds = 3

    @Option(help: "Measured seconds of a round.")
    var seconds = 2.0

    @Option(help: "Entities of most cases; ten times as many rows for memory and start.")
    var rows = 1_000_000

    @Option(help: "Which entities are asked for: uniform or zipf:EXPONENT.")
    var keys = KeyDistribution.uniform

    @Flag(help: "Print one JSON document instead of the table.")
    var json = false

    @Flag(help: "Ours listens for HTTP and is asked for metrics each second, beside a build that does not (--beside); no peers.")
    var scraped = false

    @Option(help: "What ours is to reach of the requests/s of what --beside names, such as 0.98; without it no bar is printed.")
    var besideBar: Double?

    @OptionGroup var bench: BenchOptions

    /// Keys are different up to this many.
    private static let rowsMax = 1_500_000

    func validate() throws {
        guard rounds > 0, seconds > 0 else { throw ValidationError("rounds and seconds are above zero") }
        guard rows >= 100, rows <= Self.rowsMax else { throw ValidationError("--rows is from 100 to \(Self.rowsMax)") }
    }

    /// What servers said last: their directory is about to go.
    private func printLogs(in place: String) {
        let files = FileManager.default.enumerator(atPath: place)?.compactMap { $0 as? String } ?? []
        for file in files where file.hasSuffix(".log") && !file.contains("/data/") {
            let text = (try? String(contentsOfFile: "\(place)/\(file)", encoding: .utf8)) ?? ""
            let tail = text.split(separator: "\n").suffix(20).joined(separator: "\n")
            if !tail.isEmpty { FileHandle.standardError.write(Data("\(file):\n\(tail)\n".utf8)) }
        }
    }

    func run() throws { try bench.withPlace { try run(in: $0) } }

    private func run(in place: String) throws {
        var options = OnlineOptions(
            headwater: bench.headwater, redis: scraped ? nil : bench.existingRedis, floor: scraped ? nil : bench.existingFloor,
            place: place)
        options.beside = bench.beside ?? (scraped ? bench.headwater : nil)
        options.isScraped = scraped
        options.rounds = rounds
        options.seconds = seconds
        options.rows = rows
        options.keys = keys
        options.warmUpSeconds = min(0.3, seconds / 2)
        touchMemory(bytes: min(4 << 30, rows * 4_000))
        try runOn(cores: "1")
        let start = ContinuousClock.now
        let runner = OnlineRunner(options) { what in
            let seconds = String(format: "%6.1f s  ", (ContinuousClock.now - start) / .seconds(1))
            FileHandle.standardError.write(Data("\(seconds)\(what)\n".utf8))
        }
        defer { runner.stop() }
        var report = OnlineReport(options: options)
        do {
            for name in OnlineCaseName.allCases where only.isEmpty || only.contains(name) {
                report.cases.append(OnlineFigures(try runner.run(name), besideBar: besideBar))
            }
        } catch {
            printLogs(in: place)
            throw error
        }
        print(json ? try report.json() : report.text())
    }
}
