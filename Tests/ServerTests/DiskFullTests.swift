import Engine
import FeatureModel
import Log
import Logging
import OfflineStore
import StorageIO
import Synchronization
import TestDisks
import Testing
import Transport

@testable import Server

/// A disk that is full while history is to be written: what is said, and what happens when there is room again.
@Suite struct DiskFullTests {
    private static let log = LogID((0..<16).map { UInt8($0) })

    private func poll(_ isDone: () -> Bool) async throws -> Bool {
        for _ in 0..<500 where !isDone() { try await Task.sleep(for: .milliseconds(10)) }
        return isDone()
    }

    @Test func aFullDiskIsNamedByWhoeverWaitsForHistoryAndByStatusUntilThereIsRoom() async throws {
        let disk = MemoryStorage()
        let online = try OnlineEngine.open(
            storage: disk, dataDirectory: "data", options: OnlineOptions(), newLogID: Self.log, seed: 1, now: 1)
        for token in 1...3 { online.submit(.openProducer, token: Token(token)) }
        _ = online.runQueue { 1 }
        let records = try FileLog(in: "data", disk).openReader().read(after: 0, limitBytes: 1 << 20)
        var options = OfflineEngineOptions()
        options.flushMemoryBytes = 0
        let engine = try OfflineEngine(storage: disk, dataDirectory: "data", logID: Self.log.bytes, options: options)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let node = OfflineNode(engine, executor: .serial, logger: logger) { _ in }
        disk.setCapacity(bytes: 0)
        try await node.apply(records)
        #expect(try await poll { node.writingFailure.withLock { $0 } != nil })
        #expect(node.writingFailure.withLock { $0 }?.code == .resourceExhausted)
        #expect(node.writingFailure.withLock { $0 }?.message.contains("disk is full") == true)
        let answer = await withCheckedContinuation { continuation in
            node.gate.wait(for: 1_000, deadline: 0) { continuation.resume(returning: $0) }
            node.gate.expire(now: 1)
        }
        guard case .failure(let error) = answer else { return #expect(Bool(false), "nothing can be at that position") }
        #expect(error.code == .deadlineExceeded && error.message.contains("disk is full"))
        disk.setCapacity(bytes: 1 << 40)
        node.housekeep()
        #expect(try await poll { node.writingFailure.withLock { $0 } == nil })
        #expect(node.store.durablePosition == 3)
        await node.close()
        try online.close()
    }
}
