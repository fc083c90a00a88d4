internal import FeatureModel
internal import NIOCore
internal import Wire

/// One connection of the server, on its loop: performs what the `Connection` says, and knows nothing of meaning.
final class ServerConnection: SocketWatcher {
    // All state belongs to the loop.
    let options: ServerOptions
    let loop: ServerLoop
    let mailbox: Mailbox<ServerMessage>
    let socket: Socket
    private var token: UInt64 = 0
    private var interest = Readiness.readable
    let handler: any RequestHandler
    let registry: ConnectionRegistry
    let activity: ConnectionActivity
    let connectionID: UInt64
    private let immediate: (any ImmediateHandler)?
    var connection: Connection
    var output = OutputQueue()
    var watch = ConnectionWatch()
    var memory: ConnectionMemory
    /// The timer of the next check; `nil` where none is scheduled.
    var watchTimer: Scheduled<Void>?
    var hello = HelloRequest()
    var requests = OpenRequests()
    private let round: ReadRound
    /// When what the next round answers had come.
    private var roundBytesCame: NIODeadline
    /// Bytes read since the last round.
    private var received = ByteBuffer()
    /// Requests at the start of the received bytes, which this round answers.
    private var requestsAhead: [FrameView] = []
    private(set) var isReading = false
    private var isInRound = false
    /// Bytes were taken, of which not all frames have been looked at yet.
    private(set) var isBehind = false
    private var bytesBehind = 0
    /// Nothing is taken in any more; what is gathered still goes out.
    var isClosing = false
    var hasLingered = false
    private(set) var isClosed = false
    /// Read at once.
    private static let readBytesMax = 64 << 10
    /// Output of one connection in one round, after which the rest of what it asked for waits for the next.
    private static let gatheredBytesMax = 1 << 20
    /// Sent in one turn of the loop; less where the kernel had no room before.
    private static let sentBytesMax = 256 << 10
    private static let sentAgainBytesMax = 64 << 10

    private init(
        _ socket: Socket, on loop: ServerLoop, handler: any RequestHandler, options: ServerOptions, registry: ConnectionRegistry,
        budget: NetworkBudget
    ) {
        self.socket = socket
        self.loop = loop
        self.handler = handler
        self.options = options
        self.registry = registry
        round = loop.round
        roundBytesCame = loop.turnBegan
        activity = ConnectionActivity(now: loop.turnBegan, figures: loop.figures)
        mailbox = Mailbox(eventLoop: loop)
        connectionID = registry.nextID()
        memory = ConnectionMemory(budget)
        immediate = handler.immediateHandler(connectionID: connectionID, eventLoop: loop)
        connection = Connection(.server, limits: options.limits)
    }

    /// Serves a socket until it is closed. Called on the loop, which keeps it alive.
    static func serve(
        _ socket: Socket, on loop: ServerLoop, handler: any RequestHandler, options: ServerOptions, registry: ConnectionRegistry,
        budget: NetworkBudget
    ) {
        let served = ServerConnection(
            socket, on: loop, handler: handler, options: options, registry: registry, budget: budget)
        served.begin()
    }

    private func begin() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        mailbox.open { bound.value.readMailbox() }
        do throws(SystemFailure) { token = try loop.watch(socket, for: interest, self) } catch {
            socket.close()
            isClosed = true
            return disconnect()
        }
        registry.enter(mailbox, id: connectionID)
        watch.began(at: .now())
        armWatch()
    }

    func loopEnds() { close() }

    /// Ends the connection at once.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        // Bytes that came before the end of the stream still count.
        takeReceived()
        while isBehind { takeEvents() }
        loop.close(socket)
        disconnect()
    }

    /// Ends a connection whose client takes no answers any more; what it sent before counts.
    private func closeBroken() {
        while !isClosing, received.readableBytes < options.requestBytesMax,
            case .bytes = socket.read(into: &received, bytesMax: Self.readBytesMax)
        {}
        close()
    }

    private func disconnect() {
        watchTimer?.cancel()
        Discards.take(connection.takePartial())
        _ = connection.fail(HeadwaterError(.unavailable, "the client is gone"))
        output.discard()
        cancelAll()
        _ = mailbox.close()
        memory.end()
        registry.remove(id: connectionID)
        handler.ended(connectionID: connectionID)
    }

    // MARK: Reading

    func isReady(_ readiness: Readiness) {
        if readiness.contains(.writable) { flush() }
        if !isClosed && !readiness.isDisjoint(with: [.readable, .broken]) { read() }
    }

    /// Reads once: what is left is told of again.
    private func read() {
        if received.capacity == 0 { received = round.buffers.take() }
        switch socket.read(into: &received, bytesMax: Self.readBytesMax) {
        case .notReady: break
        case .ended, .failed: return close()
        case .bytes(let count):
            activity.received(count)
            // Bytes that come after the end are read so that closing does not reset the connection.
            if isClosing { return received.clear() }
            activity.heard(at: loop.turnBegan)
            if immediate != nil { return joinRound() }
            isReading = true
            takeReceived()
            finishReading()
        }
    }

    /// Takes all that has come.
    private func take(_ buffer: inout ByteBuffer) {
        let byteCount = buffer.readableBytes
        guard byteCount > 0, let bytes = buffer.readBytes(length: byteCount) else {
            // Nothing to be timed: most reads are of whole requests.
            if watch.frameSince == nil { return }
            return watch.received(insideFrame: connection.isInsideFrame, at: .now())
        }
        connection.receive(bytes[...])
        if connection.isOpen { activity.used() }
        bytesBehind += byteCount
        takeEvents()
    }

    /// Looks at the frames that have come: in turns, where they are many and make work.
    private func takeEvents() {
        isBehind = false
        while let event = connection.nextEvent() {
            perform(event)
            guard loop.isTurnLong() else { continue }
            isBehind = true
            let bound = NIOLoopBound(self, eventLoop: loop)
            if !isClosed { loop.execute { bound.value.catchUp() } }
            return
        }
        let byteCount = bytesBehind
        bytesBehind = 0
        // The memory of a decoded frame is counted before the frame's room is given to others.
        if memory.frameBytes > 0 { countMemory() }
        memory.received(byteCount, &connection) { [mailbox] in
            // The message is posted from a task of its own, as the caller that frees room may be in the middle of something.
            mailbox.eventLoop.execute { mailbox.post(.frameHasRoom) }
        }
        watch.received(insideFrame: connection.isInsideFrame, at: .now())
    }

    private func catchUp() {
        guard isBehind, !isClosing, !isClosed else { return }
        isReading = true
        takeEvents()
        finishReading()
    }

    private func finishReading() {
        isReading = false
        readMailbox()
        armWatch()
    }

    // MARK: Rounds

    private func joinRound() {
        guard !isInRound else { return }
        isInRound = true
        roundBytesCame = loop.turnBegan
        round.add(self)
    }

    /// Takes what was read, whether or not a round is to come.
    private func takeReceived() {
        var buffer = ByteBuffer()
        swap(&buffer, &received)
        if !isClosing { take(&buffer) }
        round.buffers.give(buffer)
    }

    /// Looks at what has come, before any connection of the round is answered.
    func beginRound() {
        requestsAhead.removeAll(keepingCapacity: true)
        guard let immediate, !isClosing, !isClosed, !isOverloaded else { return }
        let buffer = received
        look(at: buffer.readableBytesSpan, immediate)
    }

    private func look(at bytes: RawSpan, _ handler: any ImmediateHandler) {
        connection.requestsToAnswerAtOnce(bytes, at: 0, method: handler.method, into: &requestsAhead)
        if !requestsAhead.isEmpty { handler.begin(requestsAhead, in: bytes) }
    }

    /// Starts to load what the requests of all connections of the round will touch.
    func loadAhead() { immediate?.loadAhead() }

    /// Takes all that has come.
    ///
    /// - Returns: bytes of output gathered.
    func answerRound() -> Int {
        isInRound = false
        // While too many bytes are unsent, the remaining requests wait: `updateInterest` comes back to them.
        guard let immediate, !isClosing, !isClosed, !isOverloaded else { return 0 }
        isReading = true
        var buffer = ByteBuffer()
        swap(&buffer, &received)
        if !requestsAhead.isEmpty {
            activity.used()
            let taken = answerAtOnce(buffer.readableBytesSpan, immediate)
            buffer.moveReaderIndex(forwardBy: taken)
        }
        if output.gatheredBytes >= Self.gatheredBytesMax, buffer.readableBytes > 0 {
            // Enough for one round.
            received = buffer
            received.discardReadBytes()
            joinRound()
        } else {
            take(&buffer)
            round.buffers.give(buffer)
        }
        return output.gatheredBytes
    }

    /// Sends the answers.
    func sendRound() { if isReading { finishReading() } }

    /// All connections of the round have been answered.
    func endRound() { immediate?.end() }

    /// Answers the requests at the front of what has come that need not be opened, cancelled or waited for.
    ///
    /// - Returns: bytes of those requests.
    private func answerAtOnce(_ bytes: RawSpan, _ handler: any ImmediateHandler) -> Int {
        var taken = 0
        var output = OutputQueue()
        swap(&output, &self.output)
        defer { swap(&output, &self.output) }
        output.use(&round.buffers)
        var (next, answered) = (0, 0)
        while output.gatheredBytes < Self.gatheredBytesMax {
            if next == requestsAhead.count {
                connection.requestsToAnswerAtOnce(bytes, at: taken, method: handler.method, into: &requestsAhead)
                next = 0
                if requestsAhead.isEmpty { break }
            }
            let count = handler.answer(
                requestsAhead[next...], in: bytes, frameBytesMax: connection.peerLimits.frameBytesMax, into: &output)
            guard count > 0 else { break }
            next += count
            answered += count
            connection.answeredAtOnce(requestsAhead[next - 1].header)
            taken = requestsAhead[next - 1].end
        }
        if answered > 0 { count(answered, handler.method, bytes: taken, sentBytes: output.gatheredBytes) }
        return taken
    }

    /// Counts requests that were answered at once, by the time of all of them together.
    private func count(_ answered: Int, _ method: Wire.Method, bytes: Int, sentBytes: Int) {
        let now = NIODeadline.now()
        let elapsed = (now - roundBytesCame).nanoseconds
        activity.came(answered)
        activity.figures.answered(method, .ok, nanoseconds: elapsed, count: answered)
        guard activity.figures.slow.wantsTogether(method, nanoseconds: elapsed, now: now) else { return }
        noteTogether(answered, method, bytes: bytes, sentBytes: sentBytes, nanoseconds: elapsed, now: now)
    }

    /// Whether it has nothing to do and nothing to say.
    var isIdle: Bool {
        requests.isEmpty && !isBehind && received.readableBytes == 0 && !connection.isInsideFrame && output.waitingBytes == 0
    }

    /// Waits for what the state asks for: nothing is read while this connection has too much output or work waiting.
    private func updateInterest() {
        guard !isClosed else { return }
        // Half of what waits goes first: then there is room to read on before the next answers, and requests are seen whole.
        let hasRoom = !output.hasUnsent || output.waitingBytes <= outputBytesMax / 2
        if received.readableBytes > 0, !isOverloaded, hasRoom { joinRound() }
        let isFull = received.readableBytes >= Self.readBytesMax
        var wanted: Readiness = isClosing || !isOverloaded && !isFull ? .readable : []
        if output.hasUnsent { wanted.insert(.writable) }
        guard wanted != interest else { return }
        if wanted.contains(.readable) && !interest.contains(.readable) {
            // The client was not to blame meanwhile.
            watch.received(insideFrame: connection.isInsideFrame, at: .now())
        }
        interest = wanted
        do throws(SystemFailure) { try loop.change(socket, token, to: wanted) } catch { close() }
    }

    // MARK: Writing

    /// Sends what other threads, or handlers during this read, have posted.
    private func readMailbox() {
        // During a read everything waits for its end, so that all answers leave in one write.
        guard !isReading, !isClosed else { return }
        for message in mailbox.take() {
            switch message {
            case .frame(let frame): send(frame)
            case .consumed(let id, let bytes):
                requests.consumed(bytes, id)
                if let frame = connection.consumed(bytes, requestID: id) { output.append(frame) }
            case .drain:
                guard !connection.isDraining else { continue }
                takeReceived()
                if let frame = connection.drain() { output.append(frame) }
                for exchange in requests.exchanges { exchange.drain() }
            case .close: return close()
            case .frameHasRoom: memory.frameHasRoom(&connection)
            case .dropGreeting: dropGreeting()
            case .makeRoom: makeRoom()
            }
        }
        flush()
        if connection.isDraining && connection.requestsInFlight == 0 && !isBehind { closeAfterFlush() }
    }

    private func send(_ frame: EncodedFrame) {
        memory.room.taken(frame.byteCount)
        guard connection.admitFromServer(frame) else { return }
        if frame.header.kind != .data {
            requests.end(frame.header.requestID)
            activity.setInFlight(requests.count)
        }
        output.append(frame)
    }

    /// Sends what waits.
    func flush() {
        guard !isClosed else { return }
        if output.waitingBytes > 0 {
            let bytesMax = output.hasUnsent ? Self.sentAgainBytesMax : Self.sentBytesMax
            guard let sent = output.send(on: socket, bytesMax: bytesMax, &round.buffers) else { return closeBroken() }
            memory.moved(sent)
            activity.sent(sent)
            if output.waitingBytes > 4 * options.outputBytesMax { return close() }
            if output.hasUnsent || watch.outputSince != nil {
                watch.outputMoved(sent, unsent: output.unsentBytes, at: .now())
                armWatch()
            }
        }
        if memory.left(output.waitingBytes) {
            for exchange in requests.exchanges { exchange.roomOpened() }
        }
        countMemory()
        if isClosing && output.waitingBytes == 0 { linger() }
        updateInterest()
    }
}
