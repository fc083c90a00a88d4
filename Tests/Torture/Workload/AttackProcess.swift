import ArgumentParser
import FeatureModel
import Foundation
import Glibc
import ProcessSupport
import Wire

/// What hostile clients do.
enum Attack: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// 24 frames of 63 MiB, of which the last byte never comes.
    case frames
    /// 24 connections that ask for answers of 60 MiB and read nothing.
    case readers
    /// 640 connections that ask for a scan each and read nothing.
    case scans
    /// 3,700 scans a second, each cancelled at once.
    case cancels
    /// The first three at once.
    case together

    static let singles: [Attack] = [.frames, .readers, .scans, .cancels]

    var parts: [Attack] { self == .together ? [.frames, .readers, .scans] : [self] }
}

/// A process of hostile clients, apart from the one that measures: it runs until it is killed.
struct AttackProcess: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack", abstract: "Hostile clients; `hostile` starts them.", shouldDisplay: false)

    private static let pauseMicroseconds: UInt32 = 1_000
    private static let cancelsPerSecond = 3_700.0

    @Option(help: "What they do.")
    var kind: Attack
    @Option(help: "The server's Unix socket.")
    var socket: String

    func run() throws {
        signal(SIGINT, SIG_IGN)
        RawSocket.raiseLimit()
        // What is measured is the server beside them, not what they themselves take of the processor.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        let parent = getppid()
        var clients = kind.parts.flatMap { Self.clients($0, socket) }
        let begun = ContinuousClock.now
        var cancelled = 0
        while getppid() == parent {
            for index in clients.indices { clients[index].move() }
            if kind == .cancels {
                let due = Int((ContinuousClock.now - begun) / .seconds(1) * Self.cancelsPerSecond)
                while cancelled < due {
                    clients[cancelled % clients.count].scanAndCancel()
                    cancelled += 1
                }
            }
            usleep(Self.pauseMicroseconds)
        }
    }

    private static func clients(_ kind: Attack, _ path: String) -> [HostileClient] {
        switch kind {
        case .frames:
            let frame = Requests.unfinishedFrame
            return (0..<24).map { _ in HostileClient(path, script: frame, reads: true) }
        case .readers:
            let script = Requests.hello() + (0..<8).flatMap { Requests.largeGet(id: 2 * UInt64($0) + 2) }
            return (0..<24).map { _ in HostileClient(path, script: script, reads: false) }
        case .scans:
            let script = Requests.hello(windowBytes: .max >> 1) + Requests.scan(id: 2)
            return (0..<640).map { _ in HostileClient(path, script: script, reads: false) }
        case .cancels:
            let hello = Requests.hello()
            return (0..<4).map { _ in HostileClient(path, script: hello, reads: true) }
        case .together: return []
        }
    }
}

/// One connection that means no good; it connects again where the server has closed it, once in a while.
private struct HostileClient {
    private static let pause = Duration.milliseconds(250)

    private let path: String
    private let script: [UInt8]
    private let reads: Bool
    private var socket: RawSocket?
    private var sent = 0
    private var nextTry = ContinuousClock.now
    private var lastID: UInt64 = 2

    init(_ path: String, script: [UInt8], reads: Bool) {
        (self.path, self.script, self.reads) = (path, script, reads)
    }

    /// Sends what the server takes.
    mutating func move() {
        guard let socket else { return connect() }
        if reads, socket.receive() == nil { return lose() }
        while sent < script.count {
            guard let count = socket.send(script[sent...].prefix(256 << 10)) else { return lose() }
            if count == 0 { return }
            sent += count
        }
    }

    mutating func scanAndCancel() {
        guard let socket, sent == script.count else { return }
        let bytes = Requests.scan(id: lastID) + Requests.cancel(id: lastID)
        lastID += 1
        // Half a request would be the end of all that follow.
        if socket.send(bytes[...]) != bytes.count { lose() }
    }

    private mutating func connect() {
        guard ContinuousClock.now >= nextTry else { return }
        (socket, sent, lastID) = (try? RawSocket(path: path), 0, 2)
        nextTry = .now + Self.pause
    }

    private mutating func lose() {
        socket = nil
        nextTry = .now + Self.pause
    }
}

/// Requests as bytes.
enum Requests {
    private static let frameBytes = 63 << 20

    static func hello(windowBytes: UInt32? = nil) -> [UInt8] {
        let head = HelloRequest.with { hello in
            hello.project = Groups.project
            guard let windowBytes else { return }
            hello.limits = ReceiveLimits.with {
                let limits = WireLimits()
                $0.frameBytesMax = UInt64(limits.frameBytesMax)
                $0.requestsInFlightMax = UInt32(limits.requestsInFlightMax)
                $0.streamsOpenMax = UInt32(limits.streamsOpenMax)
                $0.initialWindowBytes = windowBytes
            }
        }
        return request(.hello, id: 1, head: head.encode())
    }

    static func request(_ method: Wire.Method, id: UInt64, head: [UInt8], body: [UInt8] = []) -> [UInt8] {
        var header = FrameHeader(.request, method: method, requestID: id)
        header.isEnd = true
        return FrameEncoder.encode(header, head: head, body: body[...]).bytes
    }

    static func scan(id: UInt64) -> [UInt8] {
        let head = ScanRequest.with { ($0.project, $0.group) = (Groups.project, WideRows.group) }
        return request(.scan, id: id, head: head.encode())
    }

    static func cancel(id: UInt64) -> [UInt8] {
        FrameEncoder.encode(FrameHeader(.cancel, method: .scan, requestID: id)).bytes
    }

    /// A get whose answer takes 60 MiB, behind the preparation of its list,
    /// which is to be the connection's first; its id is the next one.
    static func largeGet(id: UInt64) -> [UInt8] {
        let head = PrepareRequest.with { ($0.project, $0.features) = (Groups.project, ["\(WideRows.group):cells"]) }
        let keys = Column(wholes: (0..<WideRows.rowCount).map { Int64($0) })
        let body = PackedColumns.encode(tag: 1, rowCount: WideRows.rowCount, columns: [keys])
        return request(.prepare, id: id, head: head.encode()) + request(.getPrepared, id: id + 1, head: [], body: body)
    }

    /// Hello, and all but the last byte of a write.
    static let unfinishedFrame: [UInt8] = {
        let write = WriteRequest.with { $0.project = Groups.project }
        return hello()
            + request(.write, id: 2, head: write.encode(), body: [UInt8](repeating: 1, count: frameBytes)).dropLast()
    }()
}
