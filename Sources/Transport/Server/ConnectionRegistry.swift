internal import Synchronization

/// The connections that a server has open. For any thread.
final class ConnectionRegistry: Sendable {
    private let connectionsMax: Int
    private let open = Mutex<[UInt64: Mailbox<ServerMessage>]>([:])
    private let lastID = Atomic<UInt64>(0)

    init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

    var count: Int { open.withLock { $0.count } }

    /// Connections that were ever opened.
    var everCount: UInt64 { lastID.load(ordering: .relaxed) }

    func nextID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

    /// Takes a connection in; `false` where there are too many.
    func add(_ mailbox: Mailbox<ServerMessage>, id: UInt64) -> Bool {
        open.withLock { open in
            guard open.count < connectionsMax else { return false }
            open[id] = mailbox
            return true
        }
    }

    func remove(id: UInt64) { open.withLock { $0[id] = nil } }

    func tellAll(_ message: ServerMessage) {
        for mailbox in open.withLock({ Array($0.values) }) { mailbox.post(message) }
    }
}
