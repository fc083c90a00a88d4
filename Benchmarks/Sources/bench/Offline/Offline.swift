import ArgumentParser
import BenchmarkLoad
import Foundation

/// The offline store beside DuckDB, Polars, pandas and pyarrow.
struct Offline: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Flush, compaction, point-in-time joins and scans of history beside DuckDB, Polars, pandas and pyarrow.",
        discussion: """
            Every system is a process of its own with as many threads; their rounds alternate. Prints one table; what is under way goes to
            standard error. Answers are compared cell by cell: where one differs the exit code is 1.
            """)

    @Option(help: "Rows of history: an int64 key, a time, six float64 and four int64.")
    var rows = 10_000_000

    @Option(help: "Different keys.")
    var keys = 100_000

    @Option(help: "Rows of the spine, in no order.")
    var spineRows = 1_000_000

    @Option(help: "Rounds of each system, alternating.")
    var rounds = 5

    @Option(help: "Threads of every system.")
    var threads = 2

    @Option(help: "A directory for the data, 8 GB with 10 M rows; short, as sockets lie in it.")
    var directory = "/tmp"

    @Option(help: "The headwater executable, an optimised build; where it is missing, works through a socket are left out.")
    var headwater = ".build/release/headwater"

    @Option(parsing: .upToNextOption, help: "Only works whose name has one of these in it.")
    var only: [String] = []

    @Option(help: "A Python with the packages of Benchmarks/peers/requirements.txt; where it is missing, the peers are skipped.")
    var python = "Benchmarks/.build/peers/bin/python"

    @Option(help: "The peers' program.")
    var peers = "Benchmarks/peers/offline_peers.py"

    @Option(help: "Real data: what examples/flights/prepare.py makes; where they are missing, they are left out.")
    var flights = "Benchmarks/.build/flights"

    @Option(help: "Rows of a block of a chunk, to see what other sizes would do; by default the store's own.")
    var blockRows: Int?

    @Option(help: "MiB that a compaction may take in memory; by default the store's own setting.")
    var compactionMebibytes: Int?

    @Flag(help: "Print one JSON document instead of the table.")
    var json = false

    func validate() throws {
        guard blockRows ?? 1 > 0, compactionMebibytes ?? 1 > 0 else {
            throw ValidationError("--block-rows and --compaction-mebibytes are above zero")
        }
        guard rows >= 1_000, keys > 0, spineRows > 0, rounds > 0, threads > 0 else {
            throw ValidationError("rows are at least 1000; keys, spine rows, rounds and threads are above zero")
        }
    }

    func run() throws {
        let place = "\(directory)/headwater-offline-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        var settings = OfflineSettings()
        (settings.rows, settings.keys, settings.spineRows, settings.rounds) = (rows, keys, spineRows, rounds)
        (settings.only, settings.flights) = (only, flights)
        settings.hasServer = FileManager.default.isExecutableFile(atPath: headwater)
        let start = ContinuousClock.now
        let runner = OfflineRunner(
            settings, place: place, peersProblem: peersProblem(),
            note: { what in
                let seconds = String(format: "%6.1f s  ", (ContinuousClock.now - start) / .seconds(1))
                FileHandle.standardError.write(Data("\(seconds)\(what)\n".utf8))
            }, start: { try startSystem($0, place) })
        try runner.run()
        let report = OfflineReport(
            settings: settings, threads: threads, peersProblem: runner.peersProblem, figures: runner.figures)
        print(json ? try report.json() : report.text())
        if runner.figures.contains(where: \.hasDifference) { throw ExitCode(1) }
    }

    private func peersProblem() -> String? {
        if FileManager.default.isExecutableFile(atPath: python) { return nil }
        return "there is no \(python): 'make bench-offline' makes it"
    }

    private func startSystem(_ name: String, _ place: String) throws -> any OfflineSystem {
        if name == OfflineRunner.socketName { return HeadwaterSocket(binary: headwater, place: place) }
        guard name == OfflineRunner.headwaterName else { return try SystemProcess([python, peers, name, "\(threads)"]) }
        let bench = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let options = [("threads", threads), ("block-rows", blockRows), ("compaction-mebibytes", compactionMebibytes)]
        return try SystemProcess(
            [bench, OfflineHeadwater.configuration.commandName!]
                + options.flatMap { name, value in value.map { ["--\(name)", "\($0)"] } ?? [] })
    }
}

/// Headwater's process of `bench offline`.
struct OfflineHeadwater: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offline-headwater", abstract: "Answers requests of 'bench offline', a JSON line each.", shouldDisplay: false
    )

    @Option(help: "Threads of a join, a scan, a flush, a compaction.")
    var threads = 2

    @Option var blockRows: Int?
    @Option var compactionMebibytes: Int?

    func run() throws {
        try HeadwaterOffline(threads: threads, blockRows: blockRows, compactionBytes: compactionMebibytes.map { $0 << 20 })
            .serve()
    }
}

/// The Swift client beside the Python one: `Benchmarks/python/bench_python.py` asks it.
struct OfflineClient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offline-client",
        abstract: "Joins through a running server: answers requests of 'bench offline', a JSON line each.", shouldDisplay: false)

    @Option(help: "Where the server is: HOST:PORT or unix:PATH.")
    var address: String

    @Option(help: "The namespace of all names.")
    var project = "default"

    func run() throws { try HeadwaterJoins(address: address, project: project).serve() }
}
