import ArgumentParser
import Foundation

/// What both benchmarks of servers take: the executables, and where their data go.
struct BenchOptions: ParsableArguments {
    @Option(help: "The headwater executable, an optimised build.")
    var headwater = ".build/release/headwater"

    @Option(help: "The redis-server executable; where it is missing, the peer is skipped.")
    var redis = "/usr/bin/redis-server"

    @Option(help: "The floor server; where it is missing, it is left out.")
    var floor = "Benchmarks/.build/release/floor"

    @Option(help: "Another headwater executable, such as an older build: its rounds alternate with ours, and ratios are printed.")
    var beside: String?

    @Option(help: "A directory for the data, on the disk to be measured; short, as sockets lie in it.")
    var directory = "/tmp"

    func validate() throws {
        guard FileManager.default.isExecutableFile(atPath: headwater) else {
            throw ValidationError("no executable at \(headwater): 'make release' builds it")
        }
        if let beside, !FileManager.default.isExecutableFile(atPath: beside) {
            throw ValidationError("no executable at \(beside), which --beside names")
        }
    }

    var existingRedis: String? { existing(redis) }
    var existingFloor: String? { existing(floor) }

    private func existing(_ path: String) -> String? { FileManager.default.isExecutableFile(atPath: path) ? path : nil }

    /// Calls `body` with a fresh directory, which goes afterwards.
    func withPlace(_ body: (String) throws -> Void) throws {
        let place = "\(directory)/headwater-bench-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try body(place)
    }
}
