import ArgumentParser
import FeatureModel
import Foundation
import Simulation

/// Runs the simulation over many seeds and prints what it saw. Exit code 1 where a promise was broken.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "A whole store, its disks, clocks, network and clients, in one thread from a seed; the promises are checked.")

    @Option(help: "How many seeds from 1 on, or a range: 500, 1000-2000, 123-123.")
    var seeds = SeedRange(1...1_000)

    @Flag(help: "Print what happens, event by event.")
    var trace = false

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Option(help: "Seeds run at once, each in a thread of its own.")
    var jobs = 2

    @Flag(help: "End at the first seed that breaks a promise.")
    var stop = false

    @Option(help: "Plant a fault in the product, in a build with -D HEADWATER_SABOTAGE; it must be caught.")
    var sabotage: String?

    mutating func validate() throws {
        guard let sabotage else { return }
        guard Sabotage.isPossible else {
            throw ValidationError("this build cannot be sabotaged: make sabotage builds one that can")
        }
        guard let fault = Sabotage(rawValue: sabotage) else {
            throw ValidationError("there are: \(Sabotage.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        Sabotage.plant(fault)
    }

    func run() async throws {
        var report = Report()
        let start = ContinuousClock.now
        var remaining = seeds.range.makeIterator()
        await withTaskGroup(of: SeedResult.self) { group in
            for _ in 0..<max(1, trace ? 1 : jobs) { if let seed = remaining.next() { begin(seed, in: &group) } }
            for await result in group {
                report.add(result)
                tell(result, report, since: start)
                if stop, !report.violations.isEmpty { break }
                if let seed = remaining.next() { begin(seed, in: &group) }
            }
        }
        print(json ? try JSONReport(report, since: start).text : report.table)
        if !report.violations.isEmpty { throw ExitCode(1) }
    }

    private func begin(_ seed: UInt64, in group: inout TaskGroup<SeedResult>) {
        let isTraced = trace
        group.addTask { Simulation.run(seed: seed, print: isTraced ? { print($0) } : nil) }
    }

    /// Progress, and each violation as it is found, beside the report.
    private func tell(_ result: SeedResult, _ report: Report, since start: ContinuousClock.Instant) {
        for violation in result.violations {
            note("seed \(violation.seed) broke \(violation.property): \(violation.message)\n    \(violation.replay)")
        }
        if report.seeds % 100 == 0 {
            let seconds = (ContinuousClock.now - start).components.seconds
            note("\(report.seeds) of \(seeds.range.count) seeds, \(seconds) s, \(report.violations.count) violations")
        }
    }

    private func note(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}

/// `500` stands for 1-500.
struct SeedRange: ExpressibleByArgument, CustomStringConvertible {
    let range: ClosedRange<UInt64>

    init(_ range: ClosedRange<UInt64>) { self.range = range }

    init?(argument: String) {
        let ends = argument.split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0) }
        switch ends.count {
        case 1: if let count = ends[0], count >= 1 { range = 1...count } else { return nil }
        case 2:
            guard let first = ends[0], let last = ends[1], first <= last else { return nil }
            range = first...last
        default: return nil
        }
    }

    var description: String { "\(range.lowerBound)-\(range.upperBound)" }
}

/// The report for programs.
struct JSONReport: Encodable {
    struct Broken: Encodable {
        let seed: UInt64
        let property: String
        let message: String
        let replay: String
    }

    let simulatedHours: Double
    let seconds: Double
    let trace: String
    let counts: [String: Int]
    let violations: [Broken]

    init(_ report: Report, since start: ContinuousClock.Instant) {
        simulatedHours = report.simulatedHours
        seconds = (ContinuousClock.now - start) / .seconds(1)
        trace = String(report.traceHash, radix: 16)
        counts = Dictionary(uniqueKeysWithValues: report.counts.map { ($0.name, $0.value) })
        violations = report.violations.map {
            Broken(seed: $0.seed, property: $0.property, message: $0.message, replay: $0.replay)
        }
    }

    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
