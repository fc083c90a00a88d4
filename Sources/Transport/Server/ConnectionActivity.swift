internal import FeatureModel
internal import NIOCore
internal import Synchronization
internal import Wire

/// What one connection's client says of itself, and where it is.
struct ClientIdentity: Sendable {
    let name: String
    let version: String
    let project: String
    let address: PeerAddress
    let openedAt: Microseconds

    init(_ hello: HelloRequest, _ address: PeerAddress) {
        name = hello.clientName.keptPart
        version = hello.clientVersion.keptPart
        project = hello.project.keptPart
        self.address = address
        openedAt = SystemClock().now()
    }
}

/// What happens on a connection, and when it was last heard of. Written by its loop, read by any thread.
final class ConnectionActivity: Sendable {
    private let lastHeard: Atomic<UInt64>
    private let isUsed = Atomic<Bool>(false)
    // Only the loop writes these, so that it need not add atomically.
    private let requests = Atomic<UInt64>(0)
    private let inFlight = Atomic<Int>(0)
    private let received = Atomic<UInt64>(0)
    private let sent = Atomic<UInt64>(0)
    /// `nil` before hello.
    private let client = Mutex<ClientIdentity?>(nil)
    /// The figures of its loop.
    let figures: RequestFigures

    init(now: NIODeadline, figures: RequestFigures = RequestFigures()) {
        lastHeard = Atomic(now.uptimeNanoseconds)
        self.figures = figures
    }

    func heard(at time: NIODeadline) { lastHeard.store(time.uptimeNanoseconds, ordering: .relaxed) }
    /// It has said more than hello.
    func used() { isUsed.store(true, ordering: .relaxed) }
    func greeted(_ client: ClientIdentity) { self.client.withLock { $0 = client } }
    /// How many of its requests are being worked on.
    func setInFlight(_ count: Int) { inFlight.store(count, ordering: .relaxed) }
    func came(_ count: Int) { Self.add(UInt64(count), to: requests) }

    func received(_ bytes: Int) {
        Self.add(UInt64(bytes), to: received)
        figures.received(bytes)
    }

    func sent(_ bytes: Int) {
        Self.add(UInt64(bytes), to: sent)
        figures.sent(bytes)
    }

    private static func add(_ count: UInt64, to counter: borrowing Atomic<UInt64>) {
        counter.store(counter.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// Since when it is idle, and may be closed where others need its place; `nil` where it must not.
    func idleSince(now: NIODeadline, patience: TimeAmount) -> UInt64? {
        let last = lastHeard.load(ordering: .relaxed)
        guard inFlight.load(ordering: .relaxed) == 0 else { return nil }
        let isPatient = isUsed.load(ordering: .relaxed) && last + UInt64(patience.nanoseconds) > now.uptimeNanoseconds
        return isPatient ? nil : last
    }

    /// Fills in whose request it was.
    func describe(_ report: inout SlowReport.Request) {
        guard let client = client.withLock({ $0 }) else { return }
        report.clientAddress = client.address.text
        if !client.name.isEmpty { report.clientName = client.name }
        if !client.version.isEmpty { report.clientVersion = client.version }
        if report.project == nil, !client.project.isEmpty { report.project = client.project }
    }

    /// The connection's line in the report; `nil` before hello.
    func report(id: UInt64, now: NIODeadline, wallTime: Microseconds) -> ClientsReport.Client? {
        guard let client = client.withLock({ $0 }) else { return nil }
        func given(_ text: String) -> String? { text.isEmpty ? nil : text }
        let silent = (now - .uptimeNanoseconds(lastHeard.load(ordering: .relaxed))).nanoseconds / 1_000
        return ClientsReport.Client(
            connection: id, address: client.address.text, name: given(client.name), version: given(client.version),
            project: given(client.project), openedAt: client.openedAt, lastHeard: wallTime - max(0, silent),
            requests: requests.load(ordering: .relaxed), inFlight: inFlight.load(ordering: .relaxed),
            receivedBytes: received.load(ordering: .relaxed), sentBytes: sent.load(ordering: .relaxed))
    }
}
