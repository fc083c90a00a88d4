import NIOHTTP1
import Synchronization
import Transport

/// What requests by HTTP came to.
final class WebFigures: Sendable {
    private struct Answered: Hashable {
        let route: String
        let status: UInt
    }

    private struct State {
        var answers: [Answered: UInt64] = [:]
        var durations: [String: DurationHistogram] = [:]
    }

    private let state = Mutex(State())
    private let connections = Atomic<Int>(0)
    let otherGroups = OtherGroups()

    func opened() { connections.add(1, ordering: .relaxed) }
    func closed() { connections.subtract(1, ordering: .relaxed) }

    /// - Parameter route: the pattern of the path, of which there are few.
    func answered(_ route: String, _ status: HTTPResponseStatus, elapsed: Duration) {
        let histogram = state.withLock { state in
            state.answers[Answered(route: route, status: status.code), default: 0] += 1
            let histogram = state.durations[route] ?? DurationHistogram()
            state.durations[route] = histogram
            return histogram
        }
        histogram.add(nanoseconds: Int64(elapsed / .nanoseconds(1)))
    }

    func families() -> [MetricFamily] {
        let (answers, durations) = state.withLock { ($0.answers, $0.durations) }
        let sorted = answers.sorted { ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status) }
        return [
            MetricFamily(
                .gauge, "headwater_http_connections", "Connections by HTTP that are open",
                .integer(connections.load(ordering: .relaxed))),
            MetricFamily(
                .counter, "headwater_http_requests", "Requests by HTTP, by route and status",
                sorted.map { answer, count in
                    MetricFamily.Sample(
                        labels: [("route", answer.route), ("status", "\(answer.status)")], value: .integer(count))
                }),
            MetricFamily(
                .histogram, "headwater_http_request_duration_seconds", unit: "seconds",
                "Time until an answer by HTTP was made, or began to be sent",
                durations.sorted { $0.key < $1.key }.map { route, histogram in
                    MetricFamily.Sample(labels: [("route", route)], value: .histogram(histogram.counts))
                }),
        ]
    }
}
