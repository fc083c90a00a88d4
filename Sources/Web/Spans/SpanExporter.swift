import FeatureModel
import Foundation
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Server
import ServiceLifecycle
import Synchronization
package import Transport

/// Sends spans of sampled requests to a collector.
///
/// 1. `ended` puts a request into a queue of bounded length; where that is full, it is dropped and counted. No request waits.
/// 2. `run` gathers for a second, and sends what is there as batches.
/// 3. A batch that the collector cannot take now is sent again, after pauses of 1 to 30 seconds; one that it refuses is dropped.
/// 4. At a stop what is left is sent once, for as long as two seconds; what then has no answer is dropped.
package final class SpanExporter: SpanSink, Service {
    static let queueMax = 4_096
    private static let batchMax = 512
    private static let gatherTime = Duration.seconds(1)
    private static let pauseMax = Duration.seconds(30)
    private static let step = Duration.milliseconds(100)
    /// How long a stop waits for the collector.
    private static let stopTime = Duration.seconds(2)

    /// What has become of spans so far.
    struct Counts: Hashable, Sendable {
        var exported: UInt64 = 0
        var dropped: UInt64 = 0
    }

    private struct State {
        var queue: [EndedRequest] = []
        var counts = Counts()
        var isStopping = false
    }

    private enum Outcome {
        case taken(rejected: Int)
        case later(String)
        case refused(String)
    }

    private let url: CollectorURL
    private let resource: [SpanBatch.Attribute]
    private let logger: Logger
    private let state = Mutex(State())
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    /// Ends when the server stops.
    private let stops: AsyncStream<Void>
    private let stop: AsyncStream<Void>.Continuation

    /// - Parameter role: of the server.
    package init(_ url: CollectorURL, role: String, logger: Logger) {
        self.url = url
        self.logger = logger
        resource = [
            .init("service.name", "headwater"), .init("service.version", HeadwaterVersion.current),
            .init("service.namespace", role), .init("host.name", ProcessInfo.processInfo.hostName),
            .init("process.pid", Int64(ProcessInfo.processInfo.processIdentifier)),
        ]
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (stops, stop) = AsyncStream.makeStream()
    }

    package func ended(_ request: EndedRequest) {
        let isFirst = state.withLock { state in
            guard state.queue.count < Self.queueMax else {
                state.counts.dropped += 1
                return false
            }
            state.queue.append(request)
            return state.queue.count == 1
        }
        if isFirst { wake.yield() }
    }

    var counts: Counts { state.withLock { $0.counts } }

    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let collector = Collector(url: url, group: group)
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    for await _ in self.wakes {
                        await self.sleep(Self.gatherTime)
                        await self.sendAll(collector)
                    }
                    await self.sendAll(collector)
                }
                tasks.addTask {
                    for await _ in self.stops {}
                    try? await Task.sleep(for: Self.stopTime)
                }
                await tasks.next()
                // This ends the post that a collector has not answered.
                tasks.cancelAll()
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
            self.wake.finish()
            self.stop.finish()
        }
        try? await group.shutdownGracefully()
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } || Task.isCancelled }

    /// Sleeps, but not on when the server stops.
    private func sleep(_ duration: Duration) async {
        let end = ContinuousClock.now + duration
        while !isStopping, ContinuousClock.now < end { try? await Task.sleep(for: Self.step) }
    }

    private func sendAll(_ collector: Collector) async {
        while true {
            let batch = state.withLock { state in
                let batch = Array(state.queue.prefix(Self.batchMax))
                state.queue.removeFirst(batch.count)
                return batch
            }
            if batch.isEmpty { return }
            guard !Task.isCancelled else {
                drop(batch.count, "the server stops, and the collector has not answered in time")
                continue
            }
            await send(batch, collector)
        }
    }

    private func send(_ batch: [EndedRequest], _ collector: Collector) async {
        let body = SpanBatch(batch, resource: resource).encode()
        var pause = Duration.seconds(1)
        while true {
            switch await attempt(body, collector) {
            case .taken(let rejected):
                let rejected = min(rejected, batch.count)
                state.withLock { state in
                    state.counts.exported += UInt64(batch.count - rejected)
                    state.counts.dropped += UInt64(rejected)
                }
                return
            case .refused(let why): return drop(batch.count, why)
            case .later(let why):
                if isStopping { return drop(batch.count, why) }
                if pause == .seconds(1) {
                    logger.warning("spans wait for their collector", metadata: ["collector": "\(url)", "error": "\(why)"])
                }
                await sleep(pause)
                pause = min(pause * 2, Self.pauseMax)
            }
        }
    }

    private func drop(_ count: Int, _ why: String) {
        state.withLock { $0.counts.dropped += UInt64(count) }
        logger.warning("spans were dropped", metadata: ["collector": "\(url)", "spans": "\(count)", "error": "\(why)"])
    }

    private func attempt(_ body: [UInt8], _ collector: Collector) async -> Outcome {
        do throws(HeadwaterError) {
            let (status, answer) = try await collector.post(body)
            switch status.code {
            case 200..<300: return .taken(rejected: Self.rejected(answer))
            case 429, 502, 503, 504: return .later("the collector answers \(status)")
            default: return .refused("the collector answers \(status)")
            }
        } catch { return .later(error.message) }
    }

    /// How many spans of a batch the collector did not take.
    private static func rejected(_ answer: [UInt8]) -> Int {
        struct Answer: Decodable {
            struct Partial: Decodable {
                /// A 64-bit number, which is a text in this JSON; others write it as a number.
                let rejectedSpans: Int

                private enum CodingKeys: CodingKey { case rejectedSpans }

                init(from decoder: any Decoder) throws {
                    let values = try decoder.container(keyedBy: CodingKeys.self)
                    let text = try? values.decode(String.self, forKey: .rejectedSpans)
                    rejectedSpans =
                        try text.flatMap { Int($0) } ?? (values.decodeIfPresent(Int.self, forKey: .rejectedSpans) ?? 0)
                }
            }

            let partialSuccess: Partial?
        }
        return max(0, (try? JSONDecoder().decode(Answer.self, from: Data(answer)))?.partialSuccess?.rejectedSpans ?? 0)
    }

    func families() -> [MetricFamily] {
        let counts = counts
        return [
            MetricFamily(.counter, "headwater_spans_exported", "Spans that the collector has taken", .integer(counts.exported)),
            MetricFamily(
                .counter, "headwater_spans_dropped", "Spans that it did not take, or that found its queue full",
                .integer(counts.dropped)),
        ]
    }
}
