internal import FeatureModel
internal import Foundation
internal import Synchronization

/// Asks a server for its metrics once a second, as Prometheus does, from a thread of its own.
final class MetricsScraper: Sendable {
    private static let interval = 1.0

    private let isStopped = Atomic<Bool>(false)
    private let failure = Mutex<HeadwaterError?>(nil)
    private let done = DispatchSemaphore(value: 0)

    /// - Parameter port: of its HTTP listener on 127.0.0.1.
    init(port: Int) {
        Thread.detachNewThread { [self] in
            var next = Date()
            while !isStopped.load(ordering: .relaxed) {
                if next <= Date() {
                    next += Self.interval
                    do throws(HeadwaterError) { try Self.scrape(port) } catch { failure.withLock { $0 = error } }
                }
                Thread.sleep(forTimeInterval: 0.01)
            }
            done.signal()
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Stops, and waits for the last scrape.
    ///
    /// - Throws: the last failure of one.
    func finish() throws(HeadwaterError) {
        stop()
        done.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// One request, on a connection that the server closes behind the answer.
    private static func scrape(_ port: Int) throws(HeadwaterError) {
        let socket = try StreamSocket(connectingTo: "tcp:\(port)")
        try socket.send(Array("GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".utf8)[...])
        var answer: [UInt8] = []
        // Its end is that of the connection.
        while let part = try? socket.receive() { answer += part }
        let text = String(decoding: answer, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 200"), text.contains("\n# EOF") || text.contains("\n# TYPE") else {
            throw HeadwaterError(.internal, "/metrics is answered with '\(text.prefix(200))'")
        }
    }
}
