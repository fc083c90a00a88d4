package import FeatureModel

/// One end of a connection as a state machine: bytes in, events out, and a say in which frames may be sent. No I/O.
///
/// It checks what the other side may send (docs/formats/wire.md), counts requests, streams and credit, and takes no memory
/// for what is above a limit. After `.failed` it takes nothing more. One owner; not for several threads at once.
public struct Connection: ~Copyable, Sendable {
    public enum Side: Sendable {
        case client
        case server
    }

    enum Phase: Sendable {
        /// The server waits for a hello; the client may send one.
        case start
        /// Hello was received (server) or sent (client), and its reply was not.
        case greeting
        case open
        case failed
    }

    /// A request that has no answer yet.
    struct Exchange: Sendable {
        let method: Method
        /// Bytes of the request, which the server holds while it works.
        let requestBytes: Int
        /// Whether the client may still send data.
        var clientSends: Bool
        /// Data bytes that we may send, and that the other side may.
        var sendWindow: Int
        var receiveWindow: Int
        var isCancelled = false
    }

    public let side: Side
    /// Limits of what this side receives.
    public let limits: WireLimits
    /// Limits of what the other side receives; the defaults until Hello is done.
    public internal(set) var peerLimits = WireLimits()
    /// Whether the server has said that it drains.
    public internal(set) var isDraining = false
    /// Bytes of requests that are being worked on.
    public internal(set) var requestBytesInFlight = 0

    var phase = Phase.start
    var decoder = FrameDecoder()
    var exchanges: [UInt64: Exchange] = [:]
    var streamsOpen = 0
    /// The highest request id seen or used.
    var lastRequestID: UInt64 = 0
    var helloID: UInt64 = 0

    public init(_ side: Side, limits: WireLimits = WireLimits()) {
        self.side = side
        self.limits = limits
        precondition(
            limits.frameBytesMax <= WireLimits.frameBytesCeiling && limits.initialWindowBytes <= WireLimits.windowBytesCeiling)
    }

    public var isOpen: Bool { phase == .open }
    /// Requests without an answer.
    public var requestsInFlight: Int { exchanges.count }
    /// Whether a frame has begun and its rest is missing; how long that may last is the owner's clock's affair.
    public var isInsideFrame: Bool { decoder.isInsideFrame }
    /// Bytes of the frame that has begun; 0 before its header is whole.
    public var announcedBytes: Int { decoder.announcedBytes }
    /// How many of them have come.
    public var partialBytes: Int { decoder.partialBytes }

    /// Takes the memory of the whole frame that has begun.
    public mutating func reserveAnnounced() { decoder.reserveAnnounced() }

    /// Takes received bytes; then call `nextEvent` until it has none.
    public mutating func receive(_ bytes: ArraySlice<UInt8>) {
        if phase != .failed { decoder.receive(bytes) }
    }

    /// The next thing to do; `nil` where more bytes are needed.
    package mutating func nextEvent() -> ConnectionEvent? {
        while phase != .failed {
            do throws(HeadwaterError) {
                guard let frame = try decoder.next() else { return nil }
                let event = side == .server ? try serverEvent(frame) : try clientEvent(frame)
                if let event { return event }
            } catch {
                return fail(error)
            }
        }
        return nil
    }

    /// Gives up the frame that has begun, before the connection ends: the memory of a large one takes time to let go of.
    ///
    /// - Returns: what of it has come.
    public mutating func takePartial() -> [UInt8] { decoder.takePartial() }

    /// Ends the connection for a reason of the owner's own, such as a timeout.
    package mutating func fail(_ error: HeadwaterError) -> ConnectionEvent {
        phase = .failed
        decoder = FrameDecoder()
        exchanges = [:]
        requestBytesInFlight = 0
        streamsOpen = 0
        return .failed(error)
    }

    /// Puts `bytes` of consumed data back into the other side's window.
    ///
    /// - Returns: the credit frame to send; `nil` where the stream is over, or the other side has sent all it will.
    public mutating func consumed(_ bytes: Int, requestID: UInt64) -> EncodedFrame? {
        guard bytes > 0, var exchange = exchanges[requestID], side == .client || exchange.clientSends else { return nil }
        exchange.receiveWindow += bytes
        exchanges[requestID] = exchange
        return FrameEncoder.credit(exchange.method, requestID: requestID, bytes: bytes)
    }

    /// Bytes that may be sent as data of this request; `nil` where it is over.
    public func sendWindow(requestID: UInt64) -> Int? { exchanges[requestID]?.sendWindow }

    static func violation(_ what: String) -> HeadwaterError {
        HeadwaterError(.invalidArgument, "protocol violation: \(what)")
    }

    /// Takes a data frame off the window that we gave.
    mutating func receivedData(_ frame: Frame) throws(HeadwaterError) -> ConnectionEvent? {
        let id = frame.header.requestID
        guard id <= lastRequestID, id > 0 else { throw Self.violation("data for request \(id), which was never sent") }
        guard var exchange = exchanges[id] else { return nil }
        guard side == .client ? exchange.method.isStream : exchange.clientSends else {
            throw Self.violation("data for request \(id), which takes none")
        }
        guard exchange.receiveWindow > 0 else { throw Self.violation("data for request \(id) beyond its window") }
        exchange.receiveWindow -= frame.header.payloadBytes
        if side == .server && frame.header.isEnd { exchange.clientSends = false }
        exchanges[id] = exchange
        return exchange.isCancelled ? nil : .data(frame)
    }

    mutating func receivedCredit(_ header: FrameHeader) throws(HeadwaterError) -> ConnectionEvent? {
        let id = header.requestID
        guard id <= lastRequestID, id > 0 else { throw Self.violation("credit for request \(id), which was never sent") }
        guard var exchange = exchanges[id] else { return nil }
        exchange.sendWindow += Int(header.creditBytes)
        guard exchange.sendWindow <= WireLimits.windowBytesCeiling else {
            throw Self.violation("more credit than a window holds")
        }
        exchanges[id] = exchange
        return .credit(requestID: id, bytes: Int(header.creditBytes))
    }

    mutating func open(_ id: UInt64, _ method: Method, _ header: FrameHeader) {
        exchanges[id] = Exchange(
            method: method, requestBytes: header.frameBytes, clientSends: method.takesData && !header.isEnd,
            sendWindow: peerLimits.initialWindowBytes, receiveWindow: limits.initialWindowBytes)
        requestBytesInFlight += header.frameBytes
        if method.isStream { streamsOpen += 1 }
    }

    mutating func close(_ id: UInt64) -> Exchange? {
        guard let exchange = exchanges.removeValue(forKey: id) else { return nil }
        requestBytesInFlight -= exchange.requestBytes
        if exchange.method.isStream { streamsOpen -= 1 }
        return exchange
    }

    /// Takes a data frame to send off the window that we were given.
    mutating func admitData(_ frame: EncodedFrame) -> Bool {
        let id = frame.header.requestID
        guard var exchange = exchanges[id], side == .server ? exchange.method.isStream : exchange.clientSends else {
            return false
        }
        exchange.sendWindow -= frame.header.payloadBytes
        if side == .client && frame.header.isEnd { exchange.clientSends = false }
        exchanges[id] = exchange
        return true
    }
}
