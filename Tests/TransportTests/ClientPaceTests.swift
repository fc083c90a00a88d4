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

    private func sleep(_ duration: Duration) { _ = DispatchSemaphore(value: 0).wait(timeout: dispatchTime(in: duration)) }
}
