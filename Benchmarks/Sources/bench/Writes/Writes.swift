import ArgumentParser
import BenchmarkLoad

/// Durable writes beside Redis with `appendfsync always`.
struct Writes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Durable writes: single rows over 64 connections beside Redis; batches with the offline service following.")

    @OptionGroup var bench: BenchOptions

    @Option(help: "Rounds of each system, alternating.")
    var rounds = 5

    @Option(help: "Measured seconds of a round.")
    var seconds = 3.0

    @Option(help: "Which case to run: single, batches or both.")
    var only = "both"

    @Flag(help: "Print one JSON document instead of tables.")
    var json = false

    private static let touchedBytes = 4 << 30

    func validate() throws {
        guard rounds > 0, seconds > 0 else { throw ValidationError("rounds and seconds are above zero") }
        guard ["single", "batches", "both"].contains(only) else { throw ValidationError("--only single, batches or both") }
    }

    func run() throws { try bench.withPlace { try run(in: $0) } }

    private func run(in place: String) throws {
        var report = WriteReport(rounds: rounds, seconds: seconds)
        touchMemory(bytes: Self.touchedBytes)
        // The servers of the single rows have core 0, the load has core 1.
        try runOn(cores: "1")
        let runner = WriteRunner(
            headwater: bench.headwater, beside: bench.beside, redis: bench.existingRedis, floor: bench.existingFloor, place: place, rounds: rounds,
            seconds: seconds)
        if only != "batches" { report.cases.append(try runner.singleRows()) }
        if only != "single" { report.cases.append(try runner.batches()) }
        print(json ? try report.json() : report.text())
    }
}
