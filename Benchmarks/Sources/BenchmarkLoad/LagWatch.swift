public import FeatureModel
internal import Foundation
internal import Synchronization
internal import Wire

/// Watches how far behind its acknowledgements a store's applied position is, from a thread of its own.
///
/// A write's lag is the time from its acknowledgement to the first answer of `status` that shows it applied: what a reader
/// waits, and up to `interval` more.
public final class LagWatch {
    private struct Sample {
        let at: UInt64
        let applied: Position
    }

    private final class Samples: Sendable {
        let taken = Mutex<[Sample]>([])
        let isStopped = Atomic<Bool>(false)
        let done = DispatchSemaphore(value: 0)
    }

    private let samples = Samples()
    private var acknowledged: [(at: UInt64, position: Position)] = []

    /// Starts to watch the offline service at `socketPath`.
    public init(socketPath: String, interval: Duration = .milliseconds(10)) throws(HeadwaterError) {
        let session = SendableSession(try HeadwaterSession(socketPath: socketPath, project: Rows.project))
        let seconds = Double(interval.components.attoseconds) / 1e18
        Thread.detachNewThread { [samples] in
            while let applied = try? session.session.offlineApplied() {
                samples.taken.withLock { $0.append(Sample(at: monotonicNanoseconds(), applied: applied)) }
                if samples.isStopped.load(ordering: .relaxed) { break }
                Thread.sleep(forTimeInterval: seconds)
            }
            samples.done.signal()
        }
    }

    /// Notes a write that was acknowledged at `time`.
    public func acknowledged(_ position: Position, at time: UInt64) { acknowledged.append((time, position)) }

    /// Waits until all acknowledged writes are applied, but no longer than `seconds`, and returns their lags in nanoseconds.
    ///
    /// A write that was not seen applied has the lag that it had when the watch ended.
    public func finish(within seconds: Double) -> [UInt64] {
        let last = acknowledged.map(\.position).max() ?? 0
        let deadline = monotonicNanoseconds() + UInt64(seconds * 1e9)
        while monotonicNanoseconds() < deadline, samples.taken.withLock({ $0.last?.applied ?? 0 }) < last {
            Thread.sleep(forTimeInterval: 0.002)
        }
        samples.isStopped.store(true, ordering: .relaxed)
        samples.done.wait()
        let taken = samples.taken.withLock { $0 }
        guard !taken.isEmpty else { return [] }
        // Both rise: the sample that shows a write shows all before it.
        var next = 0
        return acknowledged.sorted { $0.position < $1.position }.map { write in
            while next < taken.count - 1, taken[next].applied < write.position { next += 1 }
            return taken[next].at > write.at ? taken[next].at - write.at : 0
        }
    }
}

/// A session that one thread hands to another for good.
private final class SendableSession: @unchecked Sendable {
    // Sendable although the session is not: only the watching thread uses it.
    let session: HeadwaterSession
    init(_ session: HeadwaterSession) { self.session = session }
}

extension HeadwaterSession {
    /// What the offline service at the other end has applied.
    func offlineApplied() throws -> Position {
        let frame = try call(.status, StatusRequest.with { $0.project = Rows.project })
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(StatusReport.self, from: Data(frame.body)).offline?.appliedPosition ?? 0
    }
}
