import FeatureModel
import NIOCore
import Synchronization
import Testing
import Wire

@testable import Transport

@Suite struct SlowRequestsTests {
    private final class Sink: RequestSink {
        let slowNanoseconds: Int64
        let takesTraces: Bool
        let heard = Mutex<[EndedRequest]>([])

        init(slowNanoseconds: Int64, takesTraces: Bool) {
            (self.slowNanoseconds, self.takesTraces) = (slowNanoseconds, takesTraces)
        }

        func ended(_ request: EndedRequest) { heard.withLock { $0.append(request) } }
    }

    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func request(_ method: Wire.Method, milliseconds: Int64, trace: TraceContext? = nil) -> EndedRequest {
        EndedRequest(
            SlowReport.Request(
                method: method.plainName, status: "OK", endedAt: 0, microseconds: milliseconds * 1_000, waits: SlowReport.Waits(),
                receivedBytes: 0, sentBytes: 0), trace: trace)
    }

    private func end(
        _ slow: SlowRequests, _ method: Wire.Method = .write, milliseconds: Int64, at now: NIODeadline,
        trace: TraceContext? = nil,
        _ status: StatusCode = .ok
    ) {
        let nanoseconds = milliseconds * 1_000_000
        guard slow.wants(method, status, nanoseconds: nanoseconds, now: now, trace) else { return }
        slow.ended(request(method, milliseconds: milliseconds, trace: trace), method, status, nanoseconds: nanoseconds, now: now)
    }

    private func milliseconds(_ slow: [SlowRequests], at now: NIODeadline) -> [Int64] {
        SlowRequests.slowest(of: slow, now: now).map { $0.microseconds / 1_000 }
    }

    @Test func theTenSlowestOfEachMethodStay() {
        let slow = SlowRequests()
        for milliseconds in (1...100).shuffled() { end(slow, milliseconds: Int64(milliseconds), at: start) }
        end(slow, .scan, milliseconds: 1, at: start)
        #expect(milliseconds([slow], at: start) == Array((91...100).reversed()) + [1])
    }

    @Test func whatIsOlderThanAnHourLeavesAndMakesRoom() {
        let slow = SlowRequests()
        let hour = start + .hours(1)
        for milliseconds in 101...110 { end(slow, milliseconds: Int64(milliseconds), at: start) }
        end(slow, milliseconds: 5, at: hour - .seconds(1))
        #expect(milliseconds([slow], at: hour - .seconds(1)) == Array((101...110).reversed()))
        end(slow, milliseconds: 6, at: hour)
        #expect(milliseconds([slow], at: hour) == [6])
    }

    @Test func severalLoopsCountAsOne() {
        let loops = [SlowRequests(), SlowRequests()]
        for milliseconds in 1...30 { end(loops[milliseconds % 2], milliseconds: Int64(milliseconds), at: start) }
        #expect(milliseconds(loops, at: start) == Array((21...30).reversed()))
    }

    @Test func aFollowersStreamIsNotSlow() {
        let slow = SlowRequests()
        end(slow, .follow, milliseconds: 86_400_000, at: start)
        #expect(milliseconds([slow], at: start).isEmpty)
    }

    @Test func theSinkHearsOfWhatItWants() throws {
        let slow = SlowRequests()
        let sink = Sink(slowNanoseconds: 50_000_000, takesTraces: true)
        slow.tell(sink)
        let sampled = try #require(TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        let unsampled = try #require(TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"))
        end(slow, milliseconds: 49, at: start)
        end(slow, milliseconds: 50, at: start)
        end(slow, milliseconds: 1, at: start, trace: sampled)
        end(slow, milliseconds: 2, at: start, trace: unsampled)
        end(slow, milliseconds: 3, at: start, .internal)
        end(slow, milliseconds: 4, at: start, .notFound)
        #expect(sink.heard.withLock { $0.map { $0.report.microseconds / 1_000 } } == [50, 1, 3])
        #expect(sink.heard.withLock { $0[1].report.traceID } == sampled.traceID)
    }

    @Test func getsAnsweredTogetherAreNotedFromAMillisecondOn() {
        let slow = SlowRequests()
        #expect(!slow.wantsTogether(.getPrepared, nanoseconds: 999_999, now: start))
        #expect(slow.wantsTogether(.getPrepared, nanoseconds: 1_000_000, now: start))
    }

    @Test func theTimeOfARequestGoesToOneThingAtATime() {
        var times = RequestTimes(.work, at: start)
        times.enter(.thread, at: start + .milliseconds(1))
        times.enter(.work, at: start + .milliseconds(3))
        times.enter(.position, at: start + .milliseconds(6))
        times.enter(.thread, at: start + .milliseconds(10))
        times.enter(.work, at: start + .milliseconds(15))
        let waits = times.waits(until: start + .milliseconds(21))
        #expect(waits.named.map(\.microseconds) == [7_000, 4_000, 0, 0, 0, 10_000])
        // A clock of another core may be a little behind.
        #expect(RequestTimes(.log, at: start).waits(until: start - .milliseconds(1)).log == 0)
    }
}
