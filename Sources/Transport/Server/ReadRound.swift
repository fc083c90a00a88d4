/// Gathers what the connections of one loop have read in one iteration, and answers it together at its end.
///
/// One request waits for memory several times in a row; the waits of many connections' requests overlap. And a client that reads
/// many answers is woken once for all of them, not for each.
final class ReadRound {
    /// Output gathered before it is sent: enough to wake others seldom, little enough to stay in the processor's caches.
    private static let gatheredBytesMax = 64 << 10

    // All state belongs to the loop.
    private var waiting: [ServerConnection] = []
    /// Memory for what is read and written.
    var buffers = BufferPool()

    var isEmpty: Bool { waiting.isEmpty }

    /// Adds a connection that has read something for the first time in this iteration.
    func add(_ connection: ServerConnection) { waiting.append(connection) }

    /// Answers them, or where that takes long some of them; the others, and who is added meanwhile, come in the next turn.
    ///
    /// - Parameter isTurnLong: whether what is left should wait.
    func run(isTurnLong: () -> Bool) {
        guard !waiting.isEmpty else { return }
        var connections: [ServerConnection] = []
        swap(&connections, &waiting)
        for connection in connections { connection.beginRound() }
        connections[0].loadAhead()
        var (sent, gathered) = (0, 0)
        for (index, connection) in connections.enumerated() {
            gathered += connection.answerRound()
            // Large frames take time to come in, and gather nothing.
            let isLong = isTurnLong()
            guard isLong || gathered >= Self.gatheredBytesMax || index == connections.count - 1 else { continue }
            for connection in connections[sent...index] { connection.sendRound() }
            (sent, gathered) = (index + 1, 0)
            guard isLong else { continue }
            waiting.append(contentsOf: connections[sent...])
            break
        }
        for connection in connections { connection.endRound() }
        connections.removeAll(keepingCapacity: true)
        // Its memory serves the next turn, unless somebody was added meanwhile.
        if waiting.isEmpty { swap(&connections, &waiting) }
    }
}
