import Engine
import FeatureModel
import Log
import Logging
import TestDisks
import Testing
import Transport

@testable import Server

/// What ends the log's writes is said in the server's own log, whoever met it.
@Suite struct WriterFailureTests {
    private static let log = LogID((0..<16).map { UInt8($0) })

    private func node(_ disk: FaultyStorage, _ durability: Durability, _ kept: KeptLines) throws -> OnlineNode {
        var options = OnlineOptions()
        options.durability = durability
        let engine = try OnlineEngine.open(
            storage: disk, dataDirectory: "data", options: options, newLogID: Self.log, seed: 1, now: 1)
        return OnlineNode(engine, clock: SystemClock(), logger: kept.logger)
    }

    private func write(_ node: OnlineNode) async {
        await withCheckedContinuation { continuation in node.submit(.openProducer) { _ in continuation.resume() } }
    }

    private func criticalLines(_ kept: KeptLines) -> [String] {
        kept.lines.filter { $0.level == .critical }.map { "\($0.message): \($0.metadata["error", default: ""])" }
    }

    @Test func aSyncBetweenGroupsThatFailsIsLoggedOnce() async throws {
        let (disk, kept) = (FaultyStorage(MemoryStorage()), KeptLines())
        let node = try node(disk, .interval(1_000), kept)
        await write(node)
        // From here on no sync is a group's own: whichever comes first is one between groups.
        disk.setPlan(.every(.sync, .error(.unavailable)))
        await write(node)
        try await Task.sleep(for: .milliseconds(5))
        for _ in 0..<3 {
            node.tick()
            try await node.engine.call { _ in }
        }
        try #require(criticalLines(kept).count == 1)
        #expect(criticalLines(kept)[0].hasPrefix("no write is taken any more: "))
        #expect(node.state.current.failure != nil)
        await node.close()
    }

    @Test func aGroupThatFailsIsLoggedOnceHoweverManyFollow() async throws {
        let (disk, kept) = (FaultyStorage(MemoryStorage()), KeptLines())
        let node = try node(disk, .sync, kept)
        await write(node)
        disk.setPlan(.every(.sync, .error(.unavailable)))
        for _ in 0..<3 { await write(node) }
        #expect(criticalLines(kept).count == 1)
        await node.close()
    }

    @Test func groupsThatAFullDiskDoesNotTakeAreLoggedOnceInAMinute() async throws {
        let (disk, kept) = (MemoryStorage(), KeptLines())
        var options = OnlineOptions()
        options.log = LogOptions(segmentBytes: 64 << 10)
        let engine = try OnlineEngine.open(
            storage: disk, dataDirectory: "data", options: options, newLogID: Self.log, seed: 1, now: 1)
        let node = OnlineNode(engine, clock: SystemClock(), logger: kept.logger)
        disk.setCapacity(bytes: 0)
        var refusals = 0
        for _ in 0..<20_000 where refusals < 3 {
            let outcome = await withCheckedContinuation { continuation in
                node.submit(.openProducer) { continuation.resume(returning: $0) }
            }
            if case .failed(let error) = outcome {
                #expect(error.code == .resourceExhausted)
                refusals += 1
            }
        }
        #expect(refusals == 3)
        let lines = kept.lines.filter { $0.level == .error }
        try #require(lines.count == 1)
        #expect(lines[0].message == "writes are refused" && "\(lines[0].metadata)".contains("the disk is full"))
        #expect(node.state.current.failure == nil && criticalLines(kept).isEmpty)
        await node.close()
    }
}
