import BenchmarkLoad
import Foundation
import Testing

/// Every case of `bench online` with tiny input, so that none rots. Figures come from `make bench-online`.
@Suite(.serialized) struct OnlineLoadTests {
    private func run(_ names: [OnlineCaseName], _ change: (inout OnlineOptions) -> Void = { _ in }) throws -> [OnlineCase] {
        let place = "/tmp/headwater-bench-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        let redis = "/usr/bin/redis-server"
        let hasRedis = FileManager.default.isExecutableFile(atPath: redis)
        if !hasRedis { print("without redis-server the peer is skipped") }
        var options = OnlineOptions(
            headwater: WriteLoadTests.binary, redis: hasRedis ? redis : nil, floor: WriteLoadTests.built("FloorServer"),
            place: place)
        options.rounds = 1
        options.seconds = 0.1
        options.warmUpSeconds = 0
        options.rows = 300
        options.pinsServers = false
        change(&options)
        let runner = OnlineRunner(options)
        defer { runner.stop() }
        return try names.map { try runner.run($0) }
    }

    @Test func everyGetIsAnsweredAndItsSamplesAreRight() throws {
        for figures in try run([.get100, .get10, .get1, .get1Deep, .service, .mixed, .tcp]) {
            #expect(figures.systems.count > 1)
            for system in figures.systems {
                let result = system.rounds[0].result
                #expect(result.requests > 0 && result.nulls == 0, "\(figures.name), \(system.name)")
                #expect(result.latencies.counts.values.reduce(0, +) == result.requests, "\(figures.name), \(system.name)")
                #expect(!system.name.hasPrefix(OnlineSystemName.headwater) || result.checked > 0, "\(figures.name)")
            }
        }
    }

    @Test func aServerThatIsAskedForItsMetricsStandsBesideOneThatIsNot() throws {
        let figures = try run([.get1]) { ($0.beside, $0.isScraped) = (WriteLoadTests.binary, true) }[0]
        for name in [OnlineSystemName.headwater, OnlineSystemName.beside] {
            #expect((figures.system(name)?.rounds[0].result.requests ?? 0) > 0, "\(name)")
        }
    }

    @Test func someKeysAreAskedForMoreOften() throws {
        let figures = try run([.get10]) { $0.keys = .zipf(exponent: 0.99) }
        #expect(figures[0].systems.allSatisfy { $0.rounds[0].result.requests > 0 })
    }

    @Test func readsGoOnWhileRowsAreWrittenAndSnapshotsTaken() throws {
        let figures = try run([.written])[0]
        #expect(
            figures.systems.map(\.name) == [
                OnlineSystemName.quiet, OnlineSystemName.whileWritten, OnlineSystemName.whileSnapshot,
            ])
        #expect(figures.systems.allSatisfy { $0.rounds[0].result.unsent == 0 })
        #expect(figures.measures.allSatisfy { $0.values.count == 1 && $0.values[0] > 0 })
    }

    @Test func everyCellOfTheGridIsMeasured() throws {
        let figures = try run([.feast]) { $0.seconds = 0.05 }[0]
        #expect(figures.systems.count == 24)
    }

    @Test func aStoreIsStartedAfterAStopAndAfterACrash() throws {
        let figures = try run([.memory, .start])
        #expect(figures[0].measures.allSatisfy { $0.values.allSatisfy { $0 > 0 } })
        #expect(figures[1].measures.count >= 5)
        #expect(figures[1].measures.allSatisfy { $0.values.allSatisfy { $0 > 0 } })
    }
}
