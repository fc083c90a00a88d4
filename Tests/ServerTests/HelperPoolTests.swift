import Dispatch
import Foundation
import Synchronization
import Testing

@testable import OfflineStore
@testable import Server

@Suite struct HelperPoolTests {
    /// Pieces by the thread that did them.
    private final class Done: Sendable {
        private let threads = Mutex<[pthread_t: Int]>([:])

        func piece() {
            usleep(1_000)
            threads.withLock { $0[pthread_self(), default: 0] += 1 }
        }

        var counts: [pthread_t: Int] { threads.withLock { $0 } }
    }

    @Test func aLongWorkSharesItsHelpersWithTheNext() async throws {
        let pool = HelperPool(threads: 2, .none)
        let (long, short) = (Done(), Done())
        let ends = Mutex<[String]>([])
        let both = DispatchGroup()
        func start(_ name: String, _ pieces: Int, _ done: Done) {
            let executor = pool.executor
            both.enter()
            Thread {
                _ = try? executor.map(pieces) { _ in done.piece() }
                ends.withLock { $0.append(name) }
                both.leave()
            }.start()
        }
        start("long", 600, long)
        while long.counts.count < 2 { usleep(100) }
        start("short", 60, short)
        await withCheckedContinuation { continuation in both.notify(queue: .global()) { continuation.resume() } }
        // Each by its own thread and the one helper, which takes a piece of one and a piece of the other.
        #expect(ends.withLock { $0 } == ["short", "long"])
        #expect(Set(short.counts.keys).intersection(long.counts.keys).count == 1 && short.counts.count == 2)
        #expect(short.counts.values.reduce(0, +) == 60 && long.counts.values.reduce(0, +) == 600)
        await pool.shutdown()
    }
}
