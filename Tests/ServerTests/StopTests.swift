import Dispatch
import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import Testing
import Transport

@testable import Server

/// What a clean stop leaves for the next start.
@Suite struct StopTests {
    private static let log = LogID((0..<16).map { UInt8($0) })
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private func open(_ disk: MemoryStorage) throws -> sending OnlineEngine {
        try OnlineEngine.open(
            storage: disk, dataDirectory: "data", options: OnlineOptions(), newLogID: Self.log, seed: 1, now: 1)
    }

    /// A service that has applied a few records, and took so long for them.
    private func stopped(_ disk: MemoryStorage, replayed: Microseconds, within limit: Duration) async throws {
        let node = OnlineNode(try open(disk), clock: SystemClock(), logger: logger, replayed: replayed)
        for _ in 0..<3 {
            await withCheckedContinuation { continuation in node.submit(.openProducer) { _ in continuation.resume() } }
        }
        await node.close(within: limit)
    }

    @Test func aStopWritesASnapshotWhereTheNextStartWouldReplayForLong() async throws {
        let disk = MemoryStorage()
        try await stopped(disk, replayed: 2_000_000, within: .seconds(30))
        let engine = try open(disk)
        #expect(engine.store.snapshotPosition == 3 && engine.endedCleanly == true)
        try engine.close()
    }

    @Test func aStopWritesNoneForLittleNorWhereItWouldTakeTooLong() async throws {
        let cases: [(Microseconds, Duration)] = [(100_000, .seconds(30)), (2_000_000, .seconds(-1)), (2_000_000, .zero)]
        for (replayed, limit) in cases {
            let disk = MemoryStorage()
            try await stopped(disk, replayed: replayed, within: limit)
            let engine = try open(disk)
            #expect(engine.store.snapshotPosition == 0 && engine.store.appliedPosition == 3 && engine.endedCleanly == true)
            try engine.close()
        }
    }

    /// With no time, and with enough.
    @Test(.timeLimit(.minutes(2)), arguments: [(Duration.zero, 0), (.seconds(60), 3)] as [(Duration, Position)])
    func aSnapshotThatRunsAtAStopIsWaitedForAsLongAsTheStopMayTake(limit: Duration, snapshot: Position) async throws {
        let disk = MemoryStorage()
        let node = OnlineNode(try open(disk), clock: SystemClock(), logger: logger)
        for _ in 0..<3 {
            await withCheckedContinuation { continuation in node.submit(.openProducer) { _ in continuation.resume() } }
        }
        let isReached = Mutexed(false)
        let reached = DispatchSemaphore(value: 0)
        let released = DispatchSemaphore(value: 0)
        node.store.betweenRows = {
            // Only one thread writes a snapshot.
            if isReached.value { return }
            isReached.value = true
            reached.signal()
            released.wait()
        }
        async let written = withCheckedContinuation { continuation in node.snapshot { continuation.resume(returning: $0) } }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                reached.wait()
                continuation.resume()
            }
        }
        async let closed: Void = node.close(within: limit)
        try await Task.sleep(for: .milliseconds(200))
        released.signal()
        await closed
        let result = await written
        if case .failure(let error) = result { #expect(error.code == .cancelled && snapshot == 0, "\(error)") }
        let engine = try open(disk)
        #expect(engine.store.snapshotPosition == snapshot && engine.store.appliedPosition == 3 && engine.endedCleanly == true)
        #expect(try disk.list("data/online").allSatisfy { !$0.hasSuffix(".tmp") })
        try engine.close()
    }

    @Test func aStartTellsWhatItReplayedAndHowLongThatAloneTook() throws {
        let disk = MemoryStorage()
        let first = try open(disk)
        for token in 1...3 { first.submit(.openProducer, token: Token(token)) }
        _ = first.runQueue { 1 }
        try first.close()
        var told: [[Position]] = []
        let second = try OnlineEngine.open(
            storage: disk, dataDirectory: "data", options: OnlineOptions(), newLogID: Self.log, seed: 1, now: 1,
            progress: { told.append([$0, $1]) })
        #expect(told == [[0, 3], [3, 3]])
        try second.finishSnapshot(second.beginSnapshot().run())
        try second.close()
        told = []
        try OnlineEngine.open(
            storage: disk, dataDirectory: "data", options: OnlineOptions(), newLogID: Self.log, seed: 1, now: 1,
            progress: { told.append([$0, $1]) }
        ).close()
        #expect(told == [])

        let start = ContinuousClock.now
        var watch = ReplayWatch(logger, ServiceManager(socket: nil, logger: logger))
        #expect(watch.elapsed == .zero && watch.told(endedCleanly: true) == nil)
        for (position, milliseconds) in [(0, 0), (2, 30), (3, 40)] as [(Position, Int)] {
            watch.note(position, of: 3, at: start + .milliseconds(milliseconds))
        }
        #expect(watch.elapsed == .milliseconds(40))
        let clean = try #require(watch.told(endedCleanly: true))
        #expect(clean["from"] == "0" && clean["to"] == "3" && clean["milliseconds"] == "40")
        #expect(clean["because"] == "no snapshot stands at the log's end")
        #expect(watch.told(endedCleanly: false)?["because"] == "the last end was not clean")
    }

    @Test func aFlushThatTakesTooLongIsLeftToTheNextStart() async throws {
        for (limit, flushed) in [(Duration.zero, 0), (.seconds(30), 3)] as [(Duration, Position)] {
            let disk = MemoryStorage()
            try await stopped(disk, replayed: 0, within: .zero)
            let records = try FileLog(in: "data", disk).openReader().read(after: 0, limitBytes: 1 << 20)
            func history() throws -> sending OfflineEngine {
                try OfflineEngine(
                    storage: disk, dataDirectory: "data", logID: Self.log.bytes, options: OfflineEngineOptions())
            }
            let node = OfflineNode(try history(), executor: .serial, logger: logger) { _ in }
            try await node.apply(records)
            await node.close(within: limit)
            let after = try history()
            // Records without rows are flushed in no time; what counts is that nothing is lost either way.
            #expect(after.store.durablePosition >= flushed)
            try after.apply(records)
            #expect(after.store.appliedPosition == 3)
            after.close()
        }
    }
}
