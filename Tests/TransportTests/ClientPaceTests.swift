import Dispatch
import FeatureModel
import Testing

@testable import Transport

@Suite struct ClientPaceTests {
    @Test func waitsAddUpAndTimeBetweenThemDoesNotCount() async throws {
        var pace = ClientPace(deadline: nil, patience: .milliseconds(400))
        for _ in 0..<2 {
            pace.wait { _ in sleep(.milliseconds(100)) }
            // The server's own work.
            try await Task.sleep(for: .milliseconds(150))
        }
        #expect(pace.remaining > .milliseconds(50) && pace.remaining <= .milliseconds(200))
        pace.wait { sleep($0) }
        #expect(pace.remaining == .zero)
        #expect(pace.overdue.code == .deadlineExceeded)
    }

    @Test func bytesThatMoveEarnTime() {
        var pace = ClientPace(deadline: nil, patience: .milliseconds(100))
        pace.wait { _ in sleep(.milliseconds(150)) }
        #expect(pace.remaining == .zero)
        pace.moved(ClientPace.bytesPerSecondMin)
        #expect(pace.remaining == .milliseconds(100))
    }

    @Test func theDeadlineEndsItAll() {
        var pace = ClientPace(deadline: .now + .milliseconds(30))
        pace.moved(1 << 30)
        #expect(pace.remaining <= .milliseconds(30))
        pace.wait { sleep($0 + .milliseconds(5)) }
        #expect(pace.remaining == .zero)
        #expect(pace.overdue.message.contains("deadline"))
    }

    @Test func aPermitIsLentWhileTheClientIsWaitedFor() {
        let permits = WorkPermits(1)
        permits.take()
        var pace = ClientPace(deadline: nil, permits: permits)
        // Another thread works meanwhile; without the loan this would hang.
        pace.wait { _ in
            permits.take()
            permits.giveBack()
        }
        pace.pause(.milliseconds(1)) { false }
        let other = taker(of: permits)
        #expect(other.wait(timeout: .now() + .milliseconds(50)) == .timedOut, "it has come back")
        permits.giveBack()
        #expect(other.wait(timeout: .now() + .seconds(10)) == .success)
    }

    /// It does not wait for a permit to end, and what it then gives back does not make one more of them.
    @Test func workThatIsOverNeedsNoPermit() {
        let permits = WorkPermits(1)
        permits.take()
        var pace = ClientPace(deadline: nil, permits: permits)
        pace.wait({ _ in permits.take() }, isOver: { true })
        permits.giveBack()
        let other = taker(of: permits)
        #expect(other.wait(timeout: .now() + .milliseconds(50)) == .timedOut, "one of two threads still works")
        permits.giveBack()
        #expect(other.wait(timeout: .now() + .seconds(10)) == .success)
    }

    /// Takes a permit on a thread of its own, and signals when it has it.
    private func taker(of permits: WorkPermits) -> DispatchSemaphore {
        let isTaken = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            permits.take()
            isTaken.signal()
        }
        return isTaken
    }

    private func sleep(_ duration: Duration) { _ = DispatchSemaphore(value: 0).wait(timeout: dispatchTime(in: duration)) }
}
