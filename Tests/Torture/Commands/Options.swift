import ArgumentParser
import FeatureModel
import Foundation
import TestSupport

/// What all kinds of runs take.
struct TortureOptions: ParsableArguments {
    @Option(help: "The server to torture. Default: the one beside this program.")
    var binary: String?
    @Option(help: "Where random choices start. Default: another one each time; it is printed.")
    var seed: UInt64?
    @Option(help: "Client processes, which are never killed.")
    var clients = 3
    @Option(help: "Writes that each client has under way at once.")
    var lanes = 4
    @Option(help: ArgumentHelp("The longest pause of a lane between two writes.", valueName: "ms"))
    var pauseMax = 20
    @Flag(help: "Print one JSON document instead of a table.")
    var json = false

    var path: String {
        binary.map { URL(fileURLWithPath: $0).path }
            ?? Beside.path("headwater")
    }

    func validate() throws {
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw ValidationError("there is no server at \(path): build it, or name one with --binary")
        }
    }

    var effectiveSeed: UInt64 { seed ?? UInt64.random(in: 1...999_999_999) }

    /// Prints what runs found.
    ///
    /// - Throws: exit code 1 where a promise was broken.
    func report(_ all: [Figures]) throws {
        Screen.clear()
        print(json ? try Table.json(all) : Table.text(all), terminator: "")
        if all.contains(where: { $0.violationCount > 0 }) { throw ExitCode.failure }
        if Interruption.isRequested { throw ExitCode(130) }
    }
}

/// How long one kind of run goes on.
struct Budget {
    private let end: ContinuousClock.Instant
    private let cyclesMax: Int

    init(seconds: Double, cyclesMax: Int = .max) {
        end = .now + .seconds(seconds)
        self.cyclesMax = cyclesMax
    }

    func allows(cycles: Int) -> Bool { !Interruption.isRequested && .now < end && cycles < cyclesMax }
}

/// Sleeps for part of a moment that chance picks.
func sleep(_ milliseconds: ClosedRange<Int>, _ random: inout SplitMix64) async throws {
    try await Task.sleep(for: .milliseconds(random.int(milliseconds)))
}
