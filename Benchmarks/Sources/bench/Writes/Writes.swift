import ArgumentParser
import BenchmarkLoad

/// Durable writes beside Redis with `appendfsync always`.
struct Writes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Durable writes: single rows beside Redis; batches and an offline service that follows; gets beside single rows."
    )

    @OptionGroup var bench: BenchOptions

    @Option(help: "Rounds of each system, alternating.")
    var rounds = 5

    @Option(help: "Measured seconds of a round.")
    var seconds = 3.0

    @Option(
        parsing: .upToNextOption, help: "The cases to run: single, alone, pipelined (rows), batches, gets; all if none is named.")
    var only: [String] = []

    @Flag(help: "Print one JSON document instead of tables.")
    var json = false

    private static let touchedBytes = 4 << 30
    private static let cases = ["single", "alone", "pipelined", "batches", "gets"]

    func validate() throws {
        guard rounds > 0, seconds > 0 else { throw ValidationError("rounds and seconds are above zero") }
        guard only.allSatisfy(Self.cases.contains) else {
            throw ValidationError("--only \(Self.cases.joined(separator: ", "))")
        }
    }

    func run() throws { try bench.withPlace { try run(in: $0) } }

    private func run(in place: String) throws {
        var report = WriteReport(rounds: rounds, seconds: seconds)
        touchMemory(bytes: Self.touchedBytes)
        // The servers of the single rows have core 0, the load has core 1.
        try runOn(cores: "1")
        let runner = WriteRunner(
            headwater: bench.headwater, beside: bench.beside, redis: bench.existingRedis, floor: bench.existingFloor,
            place: place, rounds: rounds,
            seconds: seconds)
        var pipelined: [RoundFigures]?
        for name in Self.cases where only.isEmpty || only.contains(name) {
            if let shape = SingleRows(rawValue: name) {
                let item = try runner.singleRows(shape)
                report.cases.append(item)
                if shape == .pipelined { pipelined = item.headwater }
            } else if name == "batches" {
                report.cases.append(try runner.batches())
            } else {
                report.gets = try runner.gets(pipelined: pipelined)
            }
        }
        print(json ? try report.json() : report.text())
    }
}
