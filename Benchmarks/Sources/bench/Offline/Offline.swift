import ArgumentParser
import BenchmarkLoad
import Foundation

/// The offline store beside DuckDB, Polars, pandas and pyarrow.
struct Offline: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Flush, compaction, point-in-time joins and scans of made-up history, beside DuckDB, Polars and pyarrow.",
        discussion: """
            Ours runs inside this process but for what goes through a socket. Every system has two threads, and rounds alternate. Answers are \
            compared cell by cell; where one differs the exit code is 1.
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "Rows of history: an int64 key, a time, six float64 and four int64.")
    var rows = 10_000_000

    @Option(help: "Different keys.")
    var keys = 100_000

    @Option(help: "Rows of the spine, in no order.")
    var spineRows = 1_000_000

    @Option(help: "Rounds.")
    var rounds = 5

    @Option(help: "Threads of every system.")
    var threads = 2

    @Option(help: "Only works whose name has this in it.")
    var only = ""

    @Option(help: "A Python with the packages of Benchmarks/peers/requirements.txt; where it is missing, the peers are skipped.")
    var python = "Benchmarks/.build/peers/bin/python"

    @Option(help: "The peers' script.")
    var script = "Benchmarks/peers/offline.py"

    @Flag(help: "Print one JSON document instead of the table.")
    var json = false

    func validate() throws {
        guard rows >= OfflineRunner.chunks, keys > 0, spineRows > 0, rounds > 0, threads > 0 else {
            throw ValidationError(
                "rows are at least \(OfflineRunner.chunks); keys, spine rows, rounds and threads are above zero")
        }
    }

    func run() throws {
        var run = OfflineRunner.Options()
        (run.rows, run.keys, run.spineRows, run.rounds, run.threads) = (rows, keys, spineRows, rounds, threads)
        run.only = only
        run.headwater = options.headwater
        let hasPeers = FileManager.default.isExecutableFile(atPath: python)
        try options.withPlace { place in
            let peers = hasPeers ? try PeerProcess(python: python, script: script, threads: threads) : nil
            let runner = OfflineRunner(run, place: place, peers: peers) {
                FileHandle.standardError.write(Data("\($0)\n".utf8))
            }
            try runner.run()
            let report = OfflineReport(options: run, hasPeers: hasPeers, figures: runner.figures)
            print(json ? try report.json() : report.text())
            if runner.figures.contains(where: { $0.differences.values.contains { $0 != nil } }) { throw ExitCode(1) }
        }
    }
}
