import Dispatch
import FeatureModel
import Synchronization
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct WorkPermitsTests {
    @Test(arguments: [1, 2]) func worksWithoutAPermitWaitInTheirOrderAndTakeNoThread(_ count: Int) async throws {
        let pool = ThreadPool(threads: 8, name: "test")
        let permits = WorkPermits(count, pool: pool)
        let log = Mutex<(running: Int, most: Int, order: [Int])>((0, 0, []))
        let gate = DispatchSemaphore(value: 0)
        for number in 0..<40 {
            permits.submit { isActive in
                guard isActive else { return }
                log.withLock { log in
                    log.running += 1
                    log.most = max(log.most, log.running)
                    log.order.append(number)
                }
                if number < count { gate.wait() }
                log.withLock { $0.running -= 1 }
            }
        }
        #expect(try await eventually { log.withLock { $0.order.count } == count })
        for _ in 0..<count { gate.signal() }
        #expect(try await eventually { log.withLock { $0.order.count } == 40 })
        #expect(log.withLock { $0.most } == count)
        // Two threads may say in any order what each has begun.
        #expect(log.withLock { $0.order.sorted() } == Array(0..<40))
        if count == 1 { #expect(log.withLock { $0.order } == Array(0..<40)) }
        await pool.shutdown()
    }

    @Test func aPermitIsLentWhileTheClientIsWaitedFor() async throws {
        let pool = ThreadPool(threads: 2, name: "test")
        let permits = WorkPermits(1, pool: pool)
        let order = Mutex<[String]>([])
        @Sendable func say(_ word: String) { order.withLock { $0.append(word) } }
        let isDone = DispatchSemaphore(value: 0)
        permits.submit { _ in
            var pace = ClientPace(deadline: nil, permit: permits.held())
            // Another work is done meanwhile; without the loan this would hang.
            pace.wait { _ in
                let other = DispatchSemaphore(value: 0)
                permits.submit { _ in
                    say("lent")
                    other.signal()
                }
                other.wait()
            }
            pace.pause(.milliseconds(1)) { false }
            // It has come back.
            permits.submit { _ in
                say("next")
                isDone.signal()
            }
            _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(50))
            say("first")
        }
        #expect(isDone.wait(timeout: .now() + .seconds(10)) == .success)
        #expect(order.withLock { $0 } == ["lent", "first", "next"])
        await pool.shutdown()
    }

    /// It does not wait for a permit to end, and what it then gives back does not make one more of them.
    @Test func workThatIsOverNeedsNoPermit() async throws {
        let pool = ThreadPool(threads: 4, name: "test")
        let permits = WorkPermits(1, pool: pool)
        let holds = DispatchSemaphore(value: 0)
        let isOver = DispatchSemaphore(value: 0)
        let isThird = Mutex(false)
        permits.submit { _ in
            var pace = ClientPace(deadline: nil, permit: permits.held())
            pace.wait({ _ in permits.submit { _ in holds.wait() } }, isOver: { true })
            isOver.signal()
        }
        #expect(isOver.wait(timeout: .now() + .seconds(10)) == .success)
        permits.submit { _ in isThird.withLock { $0 = true } }
        try await Task.sleep(for: .milliseconds(50))
        #expect(!isThird.withLock { $0 }, "the second still has the permit")
        holds.signal()
        #expect(try await eventually { isThird.withLock { $0 } })
        await pool.shutdown()
    }

    /// All threads wait for their clients while further works have come:
    /// a permit that a work without a thread had would be nobody's.
    @Test func worksThatFindNoThreadTakeNoPermitFromThoseThatHaveOne() async throws {
        let pool = ThreadPool(threads: 3, name: "test")
        let permits = WorkPermits(1, pool: pool)
        let ended = Mutex(0)
        let waiting = Mutex(0)
        let gate = DispatchSemaphore(value: 0)
        for number in 0..<9 {
            permits.submit { _ in
                if number < 3 {
                    var pace = ClientPace(deadline: nil, permit: permits.held())
                    pace.wait { _ in
                        waiting.withLock { $0 += 1 }
                        gate.wait()
                    }
                }
                ended.withLock { $0 += 1 }
            }
        }
        #expect(try await eventually { waiting.withLock { $0 } == 3 })
        for _ in 0..<3 { gate.signal() }
        #expect(try await eventually { ended.withLock { $0 } == 9 })
        await pool.shutdown()
    }

    @Test func aLongWorkLetsThoseThatWaitHaveTheirTurn() async throws {
        let pool = ThreadPool(threads: 2, name: "test")
        let permits = WorkPermits(1, pool: pool)
        let isShortDone = Mutex(false)
        let sawShort = Mutex(false)
        permits.submit { _ in
            let permit = permits.held()
            permits.submit { _ in isShortDone.withLock { $0 = true } }
            let end = ContinuousClock.now + .seconds(10)
            while ContinuousClock.now < end, !isShortDone.withLock({ $0 }) { permit.pass { false } }
            sawShort.withLock { $0 = isShortDone.withLock { $0 } }
        }
        #expect(try await eventually { sawShort.withLock { $0 } })
        await pool.shutdown()
    }

    @Test func aPermitIsOfTheThreadThatDoesTheWorkAlone() async throws {
        let pool = ThreadPool(threads: 2, name: "test")
        let permits = WorkPermits(1, pool: pool)
        let isOtherDone = Mutex(false)
        let isDone = Mutex(false)
        permits.submit { _ in
            let permit = permits.held()
            permits.submit { _ in isOtherDone.withLock { $0 = true } }
            let helper = DispatchSemaphore(value: 0)
            DispatchQueue.global().async {
                let end = ContinuousClock.now + .milliseconds(50)
                while ContinuousClock.now < end { permit.pass { false } }
                helper.signal()
            }
            helper.wait()
            #expect(!isOtherDone.withLock { $0 })
            isDone.withLock { $0 = true }
        }
        #expect(try await eventually { isDone.withLock { $0 } && isOtherDone.withLock { $0 } })
        await pool.shutdown()
    }

    /// Else each that gives way would let one more begin, until all had begun and held memory.
    @Test func noMoreWorksBeginOnceSeveralWantToGoOn() async throws {
        let pool = ThreadPool(threads: 64, name: "test")
        let permits = WorkPermits(1, pool: pool)
        let isFree = Mutex(false)
        let begun = Mutex(0)
        let ended = Mutex(0)
        for _ in 0..<40 {
            permits.submit { _ in
                begun.withLock { $0 += 1 }
                let permit = permits.held()
                while !isFree.withLock({ $0 }) { permit.pass { false } }
                ended.withLock { $0 += 1 }
            }
        }
        try await Task.sleep(for: .milliseconds(400))
        #expect((2...8).contains(begun.withLock { $0 }))
        isFree.withLock { $0 = true }
        #expect(try await eventually { ended.withLock { $0 } == 40 })
        await pool.shutdown()
    }

    @Test func closedPermitsHandBackThoseThatWait() async throws {
        let pool = ThreadPool(threads: 2, name: "test")
        let permits = WorkPermits(1, pool: pool)
        let gate = DispatchSemaphore(value: 0)
        let answers = Mutex<[Bool]>([])
        permits.submit { _ in gate.wait() }
        for _ in 0..<3 { permits.submit { isActive in answers.withLock { $0.append(isActive) } } }
        for work in permits.close() { work(false) }
        #expect(answers.withLock { $0 } == [false, false, false])
        permits.submit { isActive in answers.withLock { $0.append(isActive) } }
        #expect(answers.withLock { $0.count } == 4 && answers.withLock { $0.last } == false)
        gate.signal()
        await pool.shutdown()
    }
}
