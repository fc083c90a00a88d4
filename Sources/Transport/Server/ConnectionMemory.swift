internal import FeatureModel
internal import NIOCore
internal import Wire

/// What one connection holds of the memory that all share. Lives on the loop.
struct ConnectionMemory {
    /// Less than this is not counted: most connections hold nothing to speak of.
    private static let countedLeast = 32 << 10
    /// A frame up to this is read without asking for room.
    private static let frameBytesFree = 256 << 10

    let budget: NetworkBudget
    let room: OutputRoom
    private let connectionID: UInt64
    /// Bytes of the frame that has begun and has room, and how many of them are still to come.
    private(set) var frameBytes = 0
    private var frameBytesLeft = 0
    /// A frame has begun, and the rest of it is not read before there is room.
    private(set) var waitsForRoom = false
    private var counted = 0
    private var left = 0
    /// Since somebody last looked whether anything moves.
    private var movedBytes = 0
    private var slowLooks = 0

    init(_ budget: NetworkBudget, connectionID: UInt64) {
        self.budget = budget
        self.connectionID = connectionID
        room = OutputRoom(budget)
    }

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
            budget.frameIsWhole(frameBytes)
            frameBytes = 0
        }
        let announced = connection.announcedBytes
        guard announced > Self.frameBytesFree, !waitsForRoom else { return }
        if budget.takeFrame(announced, connectionID: connectionID, granted: granted) {
            begin(&connection)
        } else {
            waitsForRoom = true
        }
    }

    /// The frame that waited has room.
    mutating func frameHasRoom(_ connection: inout Connection) {
        guard waitsForRoom else { return }
        waitsForRoom = false
        begin(&connection)
    }

    private mutating func begin(_ connection: inout Connection) {
        connection.reserveAnnounced()
        frameBytes = connection.announcedBytes
        frameBytesLeft = frameBytes - connection.partialBytes
    }

    /// Lets go of everything.
    mutating func end() {
        if waitsForRoom { budget.giveUp(connectionID: connectionID) }
        if frameBytes > 0 { budget.frameIsWhole(frameBytes) }
        (waitsForRoom, frameBytes) = (false, 0)
        count(0)
    }

    /// Looks whether the client moves what it should, four times a second while memory is short.
    ///
    /// - Parameters:
    ///   - hasUnsent: output waits for the client.
    ///   - bytesMin: what moves between two looks at least.
    /// - Returns: whether it has been too slow for too long.
    mutating func isSlow(hasUnsent: Bool, bytesMin: Int) -> Bool {
        defer { movedBytes = 0 }
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
        let bytesMin = options.bytesPerSecondMin / Self.looksPerSecond
        guard !isClosed, memory.isSlow(hasUnsent: output.hasUnsent, bytesMin: bytesMin) else { return nil }
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

    /// Counts what the connection holds.
    func countMemory() {
        memory.count(
            output.waitingBytes + memory.room.postedBytes + connection.requestBytesInFlight + requests.inboundBytes)
    }
}
