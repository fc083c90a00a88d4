@testable import BenchmarkLoad
import FeatureModel
import Foundation
import Testing

/// The load core against servers that do little: what it counts, and what it counts as a latency.
@Suite(.serialized) struct LoadStreamTests {
    private func withFloor(requestBytes: Int, replyBytes: Int, _ body: (FloorStand) throws -> Void) throws {
        let directory = "/tmp/headwater-bench-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let stand = try FloorStand(
            binary: WriteLoadTests.built("FloorServer"), directory: directory, cores: nil, requestBytes: requestBytes,
            replyBytes: replyBytes, logPath: nil)
        defer { stand.process.stop() }
        try body(stand)
    }

    @Test(arguments: [(64, 256, 16), (864, 40_064, 1), (1, 1, 64), (100_000, 3, 4), (72, 700_000, 8)])
    func everyRequestIsAnsweredOnce(requestBytes: Int, replyBytes: Int, depth: Int) throws {
        try withFloor(requestBytes: requestBytes, replyBytes: replyBytes) { stand in
            let stream = try stand.stream(connections: 4, depth: depth)
            for _ in 0..<2 {
                stream.limit = 200
                let result = try LoadStream.run([stream], seconds: 20)[0]
                #expect(result.requests == 200 && result.requestsInAll == 200)
                #expect(result.replyBytes == 200 * replyBytes)
                #expect(result.latencies.counts.values.reduce(0, +) == 200)
            }
        }
    }

    @Test func anOpenLoopSendsAtItsRate() throws {
        try withFloor(requestBytes: 64, replyBytes: 256) { stand in
            let stream = try stand.stream(connections: 4, depth: 4)
            stream.rate = 4_000
            let result = try LoadStream.run([stream], seconds: 0.5)[0]
            #expect((1_700...2_300).contains(result.requests) && result.unsent == 0)
        }
    }

    /// Gaps as short as these are spent looking at the clock, which is no work.
    @Test func waitingIsNoShareOfTheCore() throws {
        try withFloor(requestBytes: 64, replyBytes: 256) { stand in
            let stream = try stand.stream(connections: 4, depth: 4)
            stream.rate = 20_000
            let result = try LoadStream.run([stream], seconds: 0.5)[0]
            #expect(result.coreShare > 0 && result.coreShare < 0.9)
        }
    }

    /// A server that stands still must show in the latency of every request that fell due meanwhile, sent or not.
    @Test func anOpenLoopCountsFromWhenARequestFellDue() throws {
        try withFloor(requestBytes: 64, replyBytes: 256) { stand in
            let stream = try stand.stream(connections: 2, depth: 1)
            stream.rate = 1_000
            let floor = PauseTarget(stand.process)
            Thread.detachNewThread {
                Thread.sleep(forTimeInterval: 0.1)
                floor.process.pause(true)
                Thread.sleep(forTimeInterval: 0.2)
                floor.process.pause(false)
                floor.done.signal()
            }
            let result = try LoadStream.run([stream], seconds: 0.5)[0]
            floor.done.wait()
            let late = result.latencies.counts.filter { $0.key > 100_000_000 }.values.reduce(0, +)
            #expect(late > 50, "about a hundred requests fell due in the first half of the pause")
            #expect(result.latencies.max > 150_000_000)
        }
    }

    @Test func severalStreamsAreDrivenTogether() throws {
        try withFloor(requestBytes: 64, replyBytes: 256) { stand in
            let open = try stand.stream(connections: 2, depth: 2)
            open.rate = 1_000
            let closed = try stand.stream(connections: 1, depth: 1)
            closed.limit = 10
            let results = try LoadStream.run([open, closed], seconds: 0.2)
            #expect(results[0].requests > 100 && results[1].requestsInAll == 10)
        }
    }

    @Test func latenciesKeepThreeDigits() throws {
        var values: [UInt64] = []
        for index in stride(from: 0, to: LatencyBuckets.count, by: 97) { values.append(LatencyBuckets.value(index)) }
        #expect(values == values.sorted() && values.last! > 1_000_000_000_000)
    }

    @Test func keysAreDrawnAsAskedFor() {
        var uniform = EntityChooser(.uniform, count: 100, seed: 1)
        var zipf = EntityChooser(.zipf(exponent: 0.99), count: 100, seed: 1)
        func most(_ chooser: inout EntityChooser) -> Int {
            var counts = [Int](repeating: 0, count: 100)
            for _ in 0..<20_000 { counts[chooser.next()] += 1 }
            #expect(counts.allSatisfy { $0 > 0 })
            return counts.max()!
        }
        #expect(most(&uniform) < 300)
        #expect(most(&zipf) > 3_000)
        #expect(KeyDistribution("zipf:0.99") == .zipf(exponent: 0.99) && KeyDistribution("zipf") == nil)
    }
}

/// Handed to a thread that only pauses it.
private final class PauseTarget: @unchecked Sendable {
    // Sendable although a process is not: pausing only sends a signal.
    let process: ServerProcess
    let done = DispatchSemaphore(value: 0)
    init(_ process: ServerProcess) { self.process = process }
}
