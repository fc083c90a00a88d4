import Dispatch
import Synchronization
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1)), .serialized) struct ThreadPoolTests {
    @Test func jobsOfOneThreadRunInTheirOrder() async {
        let pool = ThreadPool(threads: 1, name: "test")
        let seen = Mutex<[Int]>([])
        for number in 0..<1_000 { pool.submit { _ in seen.withLock { $0.append(number) } } }
        await withCheckedContinuation { continuation in pool.submit { _ in continuation.resume() } }
        #expect(seen.withLock { $0 } == Array(0..<1_000))
        await pool.shutdown()
    }

    @Test func asManyJobsRunAtOnceAsThereAreThreadsAndNoMore() async {
        let pool = ThreadPool(threads: 4, name: "test")
        let running = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let done = DispatchGroup()
        for _ in 0..<64 {
            done.enter()
            pool.submit { _ in
                most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(5))
                running.subtract(1, ordering: .relaxed)
                done.leave()
            }
        }
        await withCheckedContinuation { continuation in done.notify(queue: .global()) { continuation.resume() } }
        #expect(most.load(ordering: .relaxed) == 4)
        await pool.shutdown()
    }

    @Test func whatComesAfterTheEndIsToldSo() async {
        let pool = ThreadPool(threads: 2, name: "test")
        await pool.shutdown()
        let told = Mutex<Bool?>(nil)
        pool.submit { isActive in told.withLock { $0 = isActive } }
        #expect(told.withLock { $0 } == false)
    }
}
