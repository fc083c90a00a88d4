import BenchmarkLoad
import Foundation
import Testing

/// The core of `bench writes` with tiny input, so that it does not rot. Figures come from `make bench-writes`.
@Suite(.serialized) struct WriteLoadTests {
    static let binary: String = {
        if let path = ProcessInfo.processInfo.environment["HEADWATER_BINARY"], !path.isEmpty { return path }
        return built("headwater")
    }()

    /// An executable that was built with the tests.
    static func built(_ name: String) -> String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(name).path
    }

    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = "/tmp/headwater-bench-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory)
    }

    @Test func singleRowsAreAcknowledgedOnEveryConnection() throws {
        try withDirectory { directory in
            let stand = try HeadwaterStand(binary: Self.binary, directory: directory, cores: nil, withOffline: false)
            let loop = ClosedLoop(try stand.sessions(8, bodies: stand.bodies(64, rowsEach: 1)))
            let result = try loop.run(warmUp: 0, seconds: 0.3)
            #expect(result.requests > 0 && result.requests == result.latencies.count)
        }
    }

    @Test func batchesAreAcknowledgedAndTheOfflineServiceFollows() throws {
        try withDirectory { directory in
            let stand = try HeadwaterStand(binary: Self.binary, directory: directory, cores: nil, withOffline: true)
            let watch = try LagWatch(socketPath: stand.offlineSocket)
            let loop = ClosedLoop(try stand.sessions(2, bodies: stand.bodies(8, rowsEach: 1_000)))
            let result = try loop.run(warmUp: 0, seconds: 0.3) { session, time in
                watch.acknowledged(session.lastPosition, at: time)
            }
            let lags = watch.finish(within: 30)
            #expect(result.requests > 0 && lags.count >= result.requests)
            #expect(lags.allSatisfy { $0 < 30_000_000_000 }, "every write was seen applied")
            #expect(stand.online.usage().cpuSeconds > 0)
        }
    }

    @Test func getsAreAnsweredBesideWrites() throws {
        try withDirectory { directory in
            let stand = try HeadwaterStand(binary: Self.binary, directory: directory, cores: nil, withOffline: false)
            let load = try GetsBesideWrites(stand, rows: 64, writers: 2, depth: 4, warmUp: 0, seconds: 0.3)
            #expect(try load.capacity(seed: 1).result.requests > 0)
            let quiet = try load.stretch(getsPerSecond: 1_000, rowsPerSecond: nil, seed: 1)
            #expect(quiet.writes == nil && quiet.gets.result.checked > 0 && quiet.gets.result.unsent == 0)
            let beside = try load.stretch(getsPerSecond: 1_000, rowsPerSecond: 500, seed: 1)
            #expect(beside.gets.result.requests > 100 && (beside.writes?.requests ?? 0) > 50)
        }
    }

    @Test func thePeerTakesTheSameRows() throws {
        let binary = "/usr/bin/redis-server"
        guard FileManager.default.isExecutableFile(atPath: binary) else {
            print("skipped: redis-server is not installed; `make bench-writes` needs it, `make test` does not")
            return
        }
        try withDirectory { directory in
            let stand = try RedisStand(binary: binary, directory: directory, cores: nil)
            let pipelines = Rows.pipelines(4, rowsEach: 10)
            let loop = ClosedLoop(try stand.sessions(2, pipelines: pipelines, rowsEach: 10))
            #expect(try loop.run(warmUp: 0, seconds: 0.2).requests > 0)
        }
    }
}
