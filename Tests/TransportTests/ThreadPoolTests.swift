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

    @Test func aQueueThatIsNeverEmptyKeepsNothingOfWhatIsDone() async {
        final class Body: Sendable {}
        struct Weak: Sendable { weak var body: Body? }
        let pool = ThreadPool(threads: 1, name: "test")
        let bodies = Mutex<[Weak]>([])
        let kept = Mutex<Int?>(nil)
        let done = DispatchGroup()
        done.enter()
        // Each job puts two behind it, up to ten thousand: the queue is longer all the time.
        @Sendable func add(_ number: Int) {
            let body = Body()
            bodies.withLock { $0.append(Weak(body: body)) }
            pool.submit { _ in
                withExtendedLifetime(body) {}
                if number == 5_000 { kept.withLock { $0 = bodies.withLock { $0[..<4_000].count { $0.body != nil } } } }
                if number == 10_000 { done.leave() }
                for next in [2 * number, 2 * number + 1] where next <= 10_000 { add(next) }
            }
        }
        add(1)
        await withCheckedContinuation { continuation in done.notify(queue: .global()) { continuation.resume() } }
        #expect(kept.withLock { $0 } == 0)
        await pool.shutdown()
    }

    @Test func aJobThatComesAsTheOnlyThreadEndsIsRun() async {
        let pool = ThreadPool(threads: 1, name: "test", idleLimit: .microseconds(200))
        for round in 0..<10_000 {
            let done = DispatchSemaphore(value: 0)
            pool.submit { _ in done.signal() }
            guard done.wait(timeout: .now() + .seconds(5)) == .success else {
                Issue.record("the job of round \(round) was never run")
                break
            }
            // Around the moment at which the thread has waited long enough.
            let end = DispatchTime.now() + .microseconds(150 + round % 100)
            while DispatchTime.now() < end {}
        }
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
