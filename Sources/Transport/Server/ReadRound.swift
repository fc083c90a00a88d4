internal import NIOCore
internal import Synchronization

/// What the connections of one event loop have read in one turn of it, answered together at the turn's end.
///
/// One request waits for memory several times, one after the other; those of many connections wait at the same time. And a client that reads
/// many answers is woken once for all of them, not for each.
final class ReadRound {
    /// Output gathered before it is sent: enough to wake others seldom, little enough to stay in the processor's caches.
    private static let gatheredBytesMax = 64 << 10

    // All state belongs to the event loop.
    private let eventLoop: any EventLoop
    private var waiting: [ServerConnectionHandler] = []
    private var isScheduled = false
    /// Memory for output.
    var buffers = BufferPool()

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// A connection has read something, for the first time in this turn.
    func add(_ connection: ServerConnectionHandler) {
        waiting.append(connection)
        guard !isScheduled else { return }
        isScheduled = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        // Runs when all that was ready has been read.
        eventLoop.execute { bound.value.run() }
    }

    private func run() {
        isScheduled = false
        var connections: [ServerConnectionHandler] = []
        swap(&connections, &waiting)
        for connection in connections { connection.beginRound() }
        connections.first?.loadAhead()
        var (sent, gathered) = (0, 0)
        for (index, connection) in connections.enumerated() {
            gathered += connection.answerRound()
            guard gathered >= Self.gatheredBytesMax || index == connections.count - 1 else { continue }
            for connection in connections[sent...index] { connection.sendRound() }
            (sent, gathered) = (index + 1, 0)
        }
        for connection in connections { connection.endRound() }
        connections.removeAll(keepingCapacity: true)
        // Its memory serves the next turn, unless somebody was added meanwhile.
        if waiting.isEmpty { swap(&connections, &waiting) }
    }
}

/// The rounds of all event loops of a server.
final class ReadRounds: Sendable {
    private let rounds = Mutex<[ObjectIdentifier: NIOLoopBound<ReadRound>]>([:])

    /// Called on the event loop.
    func round(of eventLoop: any EventLoop) -> ReadRound {
        rounds.withLock { rounds in
            let id = ObjectIdentifier(eventLoop)
            if let known = rounds[id] { return known }
            let fresh = NIOLoopBound(ReadRound(eventLoop: eventLoop), eventLoop: eventLoop)
            rounds[id] = fresh
            return fresh
        }.value
    }
}
