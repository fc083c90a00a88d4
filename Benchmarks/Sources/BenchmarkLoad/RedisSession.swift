public import FeatureModel

/// One connection to a Redis server: each request a pipeline of HSET commands, done when all their replies have come.
public final class RedisSession: LoadSession {
    private let socket: StreamSocket
    private let pipelines: [[UInt8]]
    private let commandsEach: Int
    private var nextPipeline: Int
    private var openReplies = 0
    /// Replies that have come of the oldest pipeline under way.
    private var replies = 0

    /// - Parameters:
    ///   - pipelines: of `commandsEach` commands each, in RESP.
    ///   - start: the first to send; then they follow in turn.
    public init(socketPath: String, pipelines: [[UInt8]], commandsEach: Int, start: Int) throws(HeadwaterError) {
        socket = try StreamSocket(connectingTo: socketPath)
        self.pipelines = pipelines
        self.commandsEach = commandsEach
        nextPipeline = start
    }

    public var descriptor: Int32 { socket.descriptor }

    public func sendNext(_ count: Int) throws(HeadwaterError) {
        var together: [UInt8] = []
        for _ in 0..<count {
            if count == 1 { try socket.send(pipelines[nextPipeline][...]) } else { together += pipelines[nextPipeline] }
            nextPipeline = (nextPipeline + 1) % pipelines.count
        }
        if !together.isEmpty { try socket.send(together[...]) }
        openReplies += count * commandsEach
    }

    /// Takes what has come: HSET answers with an integer, one line each.
    public func receive() throws(HeadwaterError) -> Int {
        let bytes = try socket.receive()
        var lines = 0
        for byte in bytes {
            if byte == UInt8(ascii: "-") { throw HeadwaterError(.internal, "Redis: \(String(decoding: bytes, as: UTF8.self))") }
            if byte == UInt8(ascii: "\n") { lines += 1 }
        }
        openReplies -= lines
        guard openReplies >= 0 else { throw HeadwaterError(.internal, "Redis sent more replies than it was asked for") }
        replies += lines
        defer { replies %= commandsEach }
        return replies / commandsEach
    }

    /// One HSET in RESP.
    public static func append(hset key: String, _ fields: [(name: String, value: String)], to bytes: inout [UInt8]) {
        var parts = ["HSET", key]
        for field in fields { parts += [field.name, field.value] }
        bytes += Array("*\(parts.count)\r\n".utf8)
        for part in parts { bytes += Array("$\(part.utf8.count)\r\n\(part)\r\n".utf8) }
    }
}
