internal import FeatureModel
internal import NIOCore
internal import Wire

/// One connection's part of the memory that all connections share. It belongs to the loop.
struct ConnectionMemory {
    /// Connections that hold less than this are not counted: most of them hold next to nothing.
    private static let countedLeast = 32 << 10
    /// Frames of at most this many bytes are read without asking for room.
    private static let frameBytesFree = 256 << 10

    let budget: NetworkBudget
    let room: OutputRoom
    /// Bytes of the frame that has begun and has room, and how many of them are still to come.
    private(set) var frameBytes = 0
    private var frameBytesLeft = 0
    /// A frame has begun, and the rest of it is not read before there is room.
    private var wait: (id: NetworkBudget.RoomWait, bytes: Int)?
    private var counted = 0
    private var left = 0
    /// Bytes moved since the last check of the connection's progress.
    private var movedBytes = 0
    private var slowLooks = 0

    init(_ budget: NetworkBudget) {
        self.budget = budget
        room = OutputRoom(budget)
    }

    var waitsForRoom: Bool { wait != nil }
    var heldBytes: Int { counted + frameBytes }

    mutating func count(_ held: Int) {
        let now = held < Self.countedLeast ? 0 : held
        if now == counted { return }
        budget.add(now - counted)
        counted = now
    }

    /// - Returns: whether those that wait for room to send are to be woken.
    mutating func left(_ bytes: Int) -> Bool {
        if bytes == left { return false }
        left = bytes
        return room.left(bytes)
    }

    mutating func moved(_ bytes: Int) { movedBytes += bytes }

    /// Bytes have come in, and all frames that were whole are taken.
    ///
    /// - Parameter granted: called from any thread when the frame that has begun has room.
    mutating func received(_ bytes: Int, _ connection: inout Connection, granted: @escaping @Sendable () -> Void) {
        if frameBytes > 0 {
            movedBytes += bytes
            frameBytesLeft -= bytes
            if frameBytesLeft > 0 { return }
            budget.giveRoom(frameBytes, for: .frame)
            frameBytes = 0
        }
        let announced = connection.announcedBytes
        guard announced > Self.frameBytesFree, !waitsForRoom else { return }
        wait = budget.takeRoom(announced, for: .frame, granted: granted).map { ($0, announced) }
        if wait == nil { begin(&connection) }
    }

    /// The frame that waited has room.
    mutating func frameHasRoom(_ connection: inout Connection) {
        guard waitsForRoom else { return }
        wait = nil
        begin(&connection)
    }

    private mutating func begin(_ connection: inout Connection) {
        connection.reserveAnnounced()
        frameBytes = connection.announcedBytes
        frameBytesLeft = frameBytes - connection.partialBytes
    }

    /// Lets go of everything.
    mutating func end() {
        // The room may have been taken just now, and the connection have no time to learn of it.
        if let wait, !budget.giveUp(wait.id) { budget.giveRoom(wait.bytes, for: .frame) }
        if frameBytes > 0 { budget.giveRoom(frameBytes, for: .frame) }
        (wait, frameBytes) = (nil, 0)
        count(0)
    }

    /// How long one client may keep what it holds, once memory is short.
    private static let looksPerTransfer = 40

    /// Looks whether the client moves what it should, four times a second while memory
    /// is short: a part of what it holds, so that all of it is through in ten seconds.
    ///
    /// - Parameters:
    ///   - hasUnsent: output waits for the client.
    ///   - bytesLeast: what moves between two looks at least, however little it holds.
    /// - Returns: whether it has been too slow for too long.
    mutating func isSlow(hasUnsent: Bool, bytesLeast: Int) -> Bool {
        defer { movedBytes = 0 }
        let bytesMin = max(bytesLeast, heldBytes / Self.looksPerTransfer)
        guard hasUnsent || frameBytes > 0, movedBytes < bytesMin, heldBytes > 0 else {
            slowLooks = 0
            return false
        }
        slowLooks += 1
        // Readers go first: what they hold can only be thrown away.
        return slowLooks >= (budget.isExceeded ? 1 : hasUnsent ? 4 : 6)
    }
}

/// A client that keeps memory which others need.
struct SlowClient {
    let isReader: Bool
    let heldBytes: Int
    let end: () -> Void
}

extension ServerConnection {
    private static let looksPerSecond = 4

    func lookWhetherSlow() -> SlowClient? {
        let bytesLeast = options.bytesPerSecondMin / Self.looksPerSecond
        guard !isClosed, memory.isSlow(hasUnsent: output.hasUnsent, bytesLeast: bytesLeast) else { return nil }
        let isReader = output.hasUnsent
        return SlowClient(isReader: isReader, heldBytes: memory.heldBytes) {
            // Who does not read answers does not read why.
            if isReader { return self.close() }
            self.fail(
                HeadwaterError(
                    .resourceExhausted,
                    "memory is short, and the rest of a frame did not come fast enough: send smaller batches, or faster"))
        }
    }

    /// Whether nothing more is read for now.
    var isOverloaded: Bool {
        isBehind || output.waitingBytes > outputBytesMax
            || connection.requestBytesInFlight > requestBytesMax || memory.waitsForRoom
    }

    /// The bytes of unanswered requests at which no further request is read; they shrink with the free memory.
    private var requestBytesMax: Int { min(options.requestBytesMax, memory.budget.outputPart) }

    /// Ends a request whose data nobody takes, once all memory is taken and its connection has more than its part: not to read on
    /// would keep those from the rest of theirs that are being worked on.
    func refuseDataWhereMemoryIsShort(_ id: UInt64) {
        guard requests.inboundBytes > NetworkBudget.partLeast, memory.budget.isExceeded,
            requests.inboundBytes > memory.budget.outputPart, let exchange = requests.exchange(id)
        else { return }
        Responder(exchange).fail(
            HeadwaterError(
                .resourceExhausted, "memory is short, and nobody is free to take what this request sends: send it again later"))
        requests.inbound(id)?.close()
        requests.letGo(id)
    }

    /// The unsent bytes at which no more answers are made.
    var outputBytesMax: Int { min(options.outputBytesMax, memory.budget.outputPart) }

    /// Counts what the connection holds.
    func countMemory() {
        memory.count(
            output.waitingBytes + memory.room.postedBytes + connection.requestBytesInFlight + requests.inboundBytes)
    }
}
