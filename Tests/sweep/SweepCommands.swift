import ArgumentParser
import FaultSweeps
import FeatureModel
import Foundation

struct Damage: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Damage every file of a data directory in every way: cut, flip, zero, remove, swap, plant stale ones.")
    @OptionGroup var options: SweepOptions

    func run() throws { try options.run { try DamageSweep() } }
}

struct Faults: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fail every I/O call of a scripted life in every way: errors, short writes, a full disk, kills, power cuts.")
    @OptionGroup var options: SweepOptions

    func run() throws { try options.run { try FaultSweep() } }
}

struct Vectors: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read vectors of many groups while atomic writes over all of them are applied: promise P8, with threads.")
    @Option(help: "How long.") var seconds = 5.0
    @Flag(help: "Print the report as JSON.") var json = false
    @Option(help: "Plant a fault that the run must catch; only in a build with -DHEADWATER_SABOTAGE.") var sabotage: String?

    func run() throws {
        try plant(sabotage)
        let report = try VectorStress().run(seconds: seconds)
        if json {
            let violations = report.firstTorn.map { [["property": "P8", "summary": "P8, \($0)"]] } ?? []
            let document: [String: Any] = [
                "vectors": report.vectors, "writes": report.writes, "snapshots": report.snapshots, "torn": report.torn,
                "violations": violations,
            ]
            let data = try JSONSerialization.data(withJSONObject: document, options: [.sortedKeys, .prettyPrinted])
            print(String(decoding: data, as: UTF8.self))
        } else {
            print(
                "\(report.vectors) vectors beside \(report.writes) records and \(report.snapshots) snapshots: \(report.torn) torn"
            )
            if let first = report.firstTorn { print(first) }
        }
        if report.torn > 0 { throw ExitCode(1) }
    }
}

struct Golden: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a data directory of this version, with what it reads as, for the tests of later versions.")
    @Argument(help: "A directory that does not exist yet.") var directory: String

    func run() throws {
        let golden = try GoldenDirectory()
        let root = URL(filePath: directory)
        for (path, bytes) in golden.files {
            let url = root.appending(path: path)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: url)
        }
        try golden.transcript().write(to: root.appending(path: "read.txt"), atomically: true, encoding: .utf8)
        try golden.transcriptAfterUse().write(to: root.appending(path: "used.txt"), atomically: true, encoding: .utf8)
    }
}

struct SweepOptions: ParsableArguments {
    @Option(help: "Run this many cases, evenly spread, instead of all.") var sample: Int?
    @Option(name: .customLong("case"), help: "Run the one case with this name, in this process.") var caseID: String?
    @Flag(help: "Print the report as JSON.") var json = false
    @Flag(help: "Print every case's name, one a line, and run none.") var list = false
    @Option(help: "Processes at once.") var jobs = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Plant a fault that the sweep must catch; only in a build with -DHEADWATER_SABOTAGE.") var sabotage: String?
    @Option(help: .hidden) var worker: String?
    @Option(help: .hidden) var from = 0

    func run<S: Sweep>(_ make: () throws -> S) throws {
        try plant(sabotage)
        let sweep: S
        do { sweep = try make() } catch {
            guard let sabotage, worker == nil else { throw error }
            var report = SweepReport(S.self, total: 0)
            report.add(failure: error, of: S.self)
            print(json ? report.json : "sabotage \(sabotage): caught before the first case: \(error)")
            throw ExitCode(1)
        }
        if list {
            for index in 0..<sweep.count { print(sweep.id(index)) }
        } else if let caseID {
            try runOne(sweep, caseID)
        } else if let worker {
            try work(sweep, worker)
        } else {
            try runAll(sweep)
        }
    }

    private func runOne<S: Sweep>(_ sweep: S, _ id: String) throws {
        guard let index = sweep.index(ofCase: id) else { throw ValidationError("no such case; --list prints them all") }
        let verdict = sweep.run(index)
        print("\(verdict.outcome)\(verdict.detail.isEmpty ? "" : ": \(verdict.detail)")")
        if verdict.isViolation { throw ExitCode(1) }
    }

    /// One share of the cases, for a parent that reads a line for each.
    private func work<S: Sweep>(_ sweep: S, _ share: String) throws {
        let parts = share.split(separator: "/").compactMap { Int($0) }
        guard parts.count == 2 else { throw ValidationError("a share is K/N") }
        let mine = sweep.indices(sample: sample).enumerated().filter { $0.offset % parts[1] == parts[0] }.map(\.element)
        for index in mine.dropFirst(from) {
            FileHandle.standardOutput.write(Data(WorkerPool.line(sweep.run(index)).utf8))
        }
    }

    private func runAll<S: Sweep>(_ sweep: S) throws {
        let start = ContinuousClock.now
        let indices = sweep.indices(sample: sample)
        var report = SweepReport(S.self, total: sweep.count)
        var arguments = [S.name]
        if let sample { arguments += ["--sample", "\(sample)"] }
        if let sabotage { arguments += ["--sabotage", sabotage] }
        var pool = WorkerPool(indices: indices, jobs: max(1, min(jobs, indices.count)), arguments: arguments)
        var nextProgress = start + .seconds(2)
        try pool.run { index, verdict in
            report.add(index, verdict, of: sweep)
            guard ContinuousClock.now >= nextProgress else { return }
            nextProgress = ContinuousClock.now + .seconds(2)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let left = Int(seconds / Double(report.cases) * Double(indices.count - report.cases))
            let text =
                "sweep \(S.name): \(report.cases) of \(indices.count) cases, \(report.violations.count) violations, "
                + "\(Int(seconds)) s, about \(left) s to go"
            FileHandle.standardError.write(Data("\r\(text)\u{1B}[K".utf8))
        }
        if ContinuousClock.now > start + .seconds(2) { FileHandle.standardError.write(Data("\n".utf8)) }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        print(json ? report.json : report.text(S.outcomes))
        if let sabotage, !json { print("sabotage \(sabotage): \(caught(report))") }
        if !report.violations.isEmpty { throw ExitCode(1) }
    }

    /// Which checks caught a planted fault.
    private func caught(_ report: SweepReport) -> String {
        let kinds = Dictionary(grouping: report.violations, by: \.outcome).sorted { $0.value.count > $1.value.count }
        return kinds.isEmpty ? "NOT caught" : "caught: " + kinds.map { "\($0.key) (\($0.value.count))" }.joined(separator: ", ")
    }
}

/// Plants the fault of this name, if one is given.
private func plant(_ sabotage: String?) throws {
    guard let sabotage else { return }
    guard let fault = Sabotage(rawValue: sabotage) else {
        throw ValidationError("no such sabotage; there are: \(Sabotage.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard Sabotage.isPossible else {
        throw ValidationError("this build cannot be sabotaged: build with -Xswiftc -DHEADWATER_SABOTAGE")
    }
    Sabotage.plant(fault)
}
