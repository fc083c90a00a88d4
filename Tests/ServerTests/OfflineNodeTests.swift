import Dispatch
import Engine
import FeatureModel
import Logging
import OfflineStore
import StorageIO
import Synchronization
import TestDisks
import Testing

@testable import Server

/// Flushes and compactions of the offline service, which do not wait for each other.
@Suite struct OfflineNodeTests {
    private static let schema = GroupSchema(
        groupID: 3, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "t", features: [Field("x", .int64)])

    /// An executor that stops at the next work where it was told to.
    private final class Brake: Sendable {
        private let isSet = Atomic<Bool>(false)
        private let reached = DispatchSemaphore(value: 0)
        private let released = DispatchSemaphore(value: 0)

        var executor: ParallelExecutor {
            ParallelExecutor(size: 2) { count, body in
                if self.isSet.exchange(false, ordering: .sequentiallyConsistent) {
                    self.reached.signal()
                    self.released.wait()
                }
                for number in 0..<count { body(number) }
            }
        }

        func set() { isSet.store(true, ordering: .sequentiallyConsistent) }

        /// Waits until work has stopped.
        func waitUntilReached() async -> Bool {
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    continuation.resume(returning: self.reached.wait(timeout: .now() + 20) == .success)
                }
            }
        }

        func release() { released.signal() }
    }

    private func apply(_ position: Position, to node: OfflineNode) async throws {
        let batch = try Batch(
            rowCount: 1,
            columns: [
                (0, Column(.int64, [.int64(Int64(position))])), (1, Column(.timestamp, [.timestamp(1)])),
                (2, Column(.int64, [.int64(5)])),
            ])
        let entry = AppliedEntry(schema: Self.schema, operation: .write, batch: batch, firstRow: 0)
        try await node.engine.call { $0.store.apply(AppliedRecord(position: position, ingestTime: 0, .rows([entry]))) }
    }

    @Test(.timeLimit(.minutes(2)))
    func aFlushDoesNotWaitForACompaction() async throws {
        let brake = Brake()
        let engine = try OfflineEngine(
            storage: MemoryStorage(), dataDirectory: "data", logID: Array(0..<16), options: OfflineEngineOptions())
        let durable = Mutex<Position>(0)
        let node = OfflineNode(
            engine, executor: brake.executor, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        ) { position in durable.withLock { $0 = position } }
        for position in 1...2 as ClosedRange<Position> {
            try await apply(position, to: node)
            try await node.flush()
        }
        brake.set()
        let compaction = Task { try await node.compact(nil, isCancelled: { false }) }
        #expect(await brake.waitUntilReached())
        #expect(node.store.status().isCompacting)
        // Memory is written out and the log may let go while the compaction stands.
        try await apply(3, to: node)
        try await node.flush()
        #expect(node.store.durablePosition == 3 && durable.withLock { $0 } == 3)
        #expect(node.store.status().isCompacting)
        brake.release()
        try await compaction.value
        #expect(node.store.status().groups[0].runsByLevel == [1, 1], "what came meanwhile stays beside the merged run")
        #expect(node.store.status().groups[0].rowCount == 3)
        await node.close()
    }

    @Test(.timeLimit(.minutes(2)))
    func aCompactionThatRunsGivesUpWhenTheServiceEnds() async throws {
        let brake = Brake()
        let storage = MemoryStorage()
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let engine = try OfflineEngine(
            storage: storage, dataDirectory: "data", logID: Array(0..<16), options: OfflineEngineOptions())
        let node = OfflineNode(engine, executor: brake.executor, logger: logger) { _ in }
        for position in 1...2 as ClosedRange<Position> {
            try await apply(position, to: node)
            try await node.flush()
        }
        brake.set()
        let compaction = Task { try await node.compact(3, isCancelled: { false }) }
        #expect(await brake.waitUntilReached())
        try await apply(3, to: node)
        let closing = Task { await node.close() }
        brake.release()
        await closing.value
        _ = await compaction.result
        let again = try OfflineEngine(
            storage: storage, dataDirectory: "data", logID: Array(0..<16), options: OfflineEngineOptions())
        #expect(again.store.durablePosition == 3, "the end flushes what is in memory")
        #expect(again.store.status().groups[0].rowCount == 3)
        again.close()
    }
}
