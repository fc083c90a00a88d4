import FeatureModel
import Synchronization

/// What the online service hears of its followers while it runs; what must last stands in the log's checkpoints.
final class FollowerRegistry: Sendable {
    /// One follow stream.
    final class Session: Sendable {
        fileprivate let forgotten = Atomic<Bool>(false)
        /// Called when the follower is let go.
        fileprivate let wake: @Sendable () -> Void

        fileprivate init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

        /// Whether the follower was let go since the stream began.
        var isForgotten: Bool { forgotten.load(ordering: .acquiring) }
    }

    struct Entry: Sendable {
        fileprivate var sessions: [Session] = []
        /// When it last said something, by the wall clock.
        var lastHeard: Microseconds?
        /// The same by `Monotonic`.
        fileprivate var lastSign: Microseconds = 0
        /// Where it serves history.
        var addresses: [String] = []

        var isConnected: Bool { !sessions.isEmpty }
    }

    /// More than can be registered at once: those that are let go and those that only fetch the history stand here too.
    private static let entriesMax = 256

    private let entries = Mutex<[String: Entry]>([:])

    subscript(_ name: String) -> Entry? { entries.withLock { $0[name] } }

    /// Where connected followers serve history, by name.
    var addresses: [String] {
        entries.withLock { entries in
            entries.filter(\.value.isConnected).sorted { $0.key < $1.key }.flatMap(\.value.addresses)
        }
    }

    /// - Parameter wake: called, from any thread, when the follower is let go while its stream runs.
    func begin(
        _ name: String, addresses: [String], now: Microseconds, wake: @escaping @Sendable () -> Void = {}
    ) -> Session {
        let session = Session(wake: wake)
        entries.withLock { entries in
            entries[name, default: Entry()].sessions.append(session)
            entries[name]!.addresses = addresses
            entries[name]!.lastHeard = now
            entries[name]!.lastSign = Monotonic.now()
        }
        return session
    }

    func end(_ name: String, _ session: Session) {
        entries.withLock { entries in
            entries[name]?.sessions.removeAll { $0 === session }
            entries[name]?.lastSign = Monotonic.now()
        }
    }

    /// A follower said something. Of more than can be remembered, the one that has been silent longest is forgotten.
    func heard(_ name: String, now: Microseconds) {
        entries.withLock { entries in
            if entries.count >= Self.entriesMax, entries[name] == nil,
                let silent = entries.filter({ !$0.value.isConnected }).min(by: { $0.value.lastSign < $1.value.lastSign })
            {
                entries[silent.key] = nil
            }
            entries[name, default: Entry()].lastHeard = now
            entries[name]!.lastSign = Monotonic.now()
        }
    }

    /// Whether a follower has neither followed nor fetched the history for so long that the log need not wait for it; one that
    /// was not heard of has as long from the start of the process.
    func isAbsent(_ name: String, now: Microseconds = Monotonic.now()) -> Bool {
        entries.withLock { entries in
            guard let entry = entries[name] else { return now > Limits.followerPatienceMicroseconds }
            return !entry.isConnected && now - entry.lastSign > Limits.followerPatienceMicroseconds
        }
    }

    /// Ends the streams of a follower that was let go: it hears so, and registers again or starts anew.
    func forget(_ name: String) {
        let entry = entries.withLock { $0.removeValue(forKey: name) }
        for session in entry?.sessions ?? [] {
            session.forgotten.store(true, ordering: .releasing)
            session.wake()
        }
    }
}
