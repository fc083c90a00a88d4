import ArgumentParser
import BenchmarkLoad
import Foundation

/// Durable writes beside Redis with `appendfsync always`.
struct Writes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Durable writes: single rows over 64 connections beside Redis; batches with the offline service following.")

    @Option(help: "The headwater executable, an optimised build.")
    var headwater = ".build/release/headwater"

    @Option(help: "The redis-server executable; where it is missing, the peer is skipped.")
    var redis = "/usr/bin/redis-server"

    @Option(help: "The floor server; where it is missing, it is left out.")
    var floor = "Benchmarks/.build/release/floor"

    @Option(help: "A directory for the data, on the disk to be measured.")
    var directory = "/tmp"

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
        guard FileManager.default.isExecutableFile(atPath: headwater) else {
            throw ValidationError("no executable at \(headwater): 'make release' builds it")
        }
    }

    private func existing(_ path: String) -> String? { FileManager.default.isExecutableFile(atPath: path) ? path : nil }

    func run() throws {
        let place = "\(directory)/headwater-bench-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        var report = WriteReport(rounds: rounds, seconds: seconds)
        touchMemory(bytes: Self.touchedBytes)
        // The servers of the single rows have core 0, the load has core 1.
        try runOnCore(1)
        let runner = WriteRunner(
            headwater: headwater, redis: existing(redis), floor: existing(floor), place: place, rounds: rounds, seconds: seconds)
        if only != "batches" { report.cases.append(try runner.singleRows()) }
        if only != "single" { report.cases.append(try runner.batches()) }
        print(json ? try report.json() : report.text())
    }
}
