public import FeatureModel

/// One connection to the floor server: requests and replies of fixed sizes, without meaning.
public final class FloorSession: LoadSession {
    private let socket: StreamSocket
    private let request: [UInt8]
    private let replyBytes: Int
    private var openBytes = 0
    /// Bytes that have come of the oldest reply under way.
    private var got = 0

    public init(socketPath: String, requestBytes: Int, replyBytes: Int) throws(HeadwaterError) {
        socket = try StreamSocket(connectingTo: socketPath)
        request = Array(repeating: 7, count: requestBytes)
        self.replyBytes = replyBytes
    }

    public var descriptor: Int32 { socket.descriptor }

    public func sendNext(_ count: Int) throws(HeadwaterError) {
        if count == 1 {
            try socket.send(request[...])
        } else {
            try socket.send(Array(repeatElement(request, count: count).joined())[...])
        }
        openBytes += count * replyBytes
    }

    public func receive() throws(HeadwaterError) -> Int {
        let count = try socket.receive().count
        openBytes -= count
        guard openBytes >= 0 else { throw HeadwaterError(.internal, "the floor sent more than it was asked for") }
        got += count
        defer { got %= replyBytes }
        return got / replyBytes
    }
}

/// The C server that moves the same bytes as a server under test and does nothing with them.
public final class FloorStand {
    public let process: ServerProcess
    private let socketPath: String
    private let requestBytes: Int
    private let replyBytes: Int

    /// - Parameters:
    ///   - port: where to listen on 127.0.0.1; `nil` for a Unix socket.
    ///   - logPath: a file to append requests to and sync, once a round of its loop; `nil` for none.
    public init(
        binary: String, directory: String, cores: String?, port: Int? = nil, requestBytes: Int, replyBytes: Int, logPath: String?
    ) throws(HeadwaterError) {
        socketPath = port.map { "tcp:\($0)" } ?? "\(directory)/floor-\(requestBytes)-\(replyBytes).sock"
        self.requestBytes = requestBytes
        self.replyBytes = replyBytes
        process = try ServerProcess(
            name: "floor", [binary, socketPath, "\(requestBytes)", "\(replyBytes)"] + (logPath.map { [$0] } ?? []), cores: cores,
            logPath: "\(directory)/floor.log")
        try waitForServer(socketPath)
    }

    deinit { process.stop() }

    /// Connections for the load core.
    func stream(connections: Int, depth: Int) throws(HeadwaterError) -> LoadStream {
        let stream = try LoadStream(.fixed(bytes: replyBytes), depth: depth)
        try stream.add(request: [UInt8](repeating: 7, count: requestBytes))
        for _ in 0..<connections { try stream.add(StreamSocket(connectingTo: socketPath)) }
        return stream
    }

    public func sessions(_ count: Int) throws(HeadwaterError) -> [FloorSession] {
        var sessions: [FloorSession] = []
        for _ in 0..<count {
            sessions.append(try FloorSession(socketPath: socketPath, requestBytes: requestBytes, replyBytes: replyBytes))
        }
        return sessions
    }
}
