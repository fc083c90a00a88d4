import BenchmarkLoad
import FeatureModel
import Foundation

/// How single rows are sent.
enum SingleRows: String {
    /// Many connections with one request each.
    case single
    /// One connection with one request.
    case alone
    /// Few connections with many requests each.
    case pipelined

    var connections: Int {
        switch self {
        case .single: 64
        case .alone: 1
        case .pipelined: 8
        }
    }

    var depth: Int { self == .pipelined ? 64 : 1 }

    /// What is asked for, over Redis.
    var ratioToRedis: Double {
        switch self {
        case .single: 1.2
        case .alone: 1
        case .pipelined: 2
        }
    }
}

/// Runs the cases of `bench writes`.
struct WriteRunner {
    let headwater: String
    /// Another executable of it, for single rows.
    let beside: String?
    let redis: String?
    /// The C server that moves the same bytes.
    let floor: String?
    let place: String
    let rounds: Int
    let seconds: Double

    private static let warmUpSeconds = 0.5
    private static let singleBodies = 16_384
    static let batchConnections = 8
    static let batchRows = 1_000
    /// Of the case gets: each is read, and each is written again and again.
    private static let getsRows = 131_072

    /// One row a request; servers on core 0, the load on core 1.
    func singleRows(_ shape: SingleRows) throws -> WriteCase {
        let stand = try HeadwaterStand(
            binary: headwater, directory: try folder("h\(shape.rawValue)"), cores: "0", withOffline: false)
        defer { stand.stop() }
        func loop<Session>(_ sessions: [Session]) -> ClosedLoop<Session> { ClosedLoop(sessions, depth: shape.depth) }
        let own = try ownLoop(shape, to: stand)
        var figures = WriteCase(
            name: "one row a request, \(shape.connections) connections, \(shape.depth) under way on each",
            placing: "each server on core 0, the load on core 1")
        let other = try beside.map {
            try HeadwaterStand(binary: $0, directory: try folder("b\(shape.rawValue)"), cores: "0", withOffline: false)
        }
        defer { other?.stop() }
        let otherLoop = try other.map { try ownLoop(shape, to: $0) }
        let peer = try redis.map { try RedisStand(binary: $0, directory: try folder("r\(shape.rawValue)"), cores: "0") }
        let peerLoop = try peer.map {
            loop(try $0.sessions(shape.connections, pipelines: Rows.pipelines(Self.singleBodies, rowsEach: 1), rowsEach: 1))
        }
        let bare = try floor.map {
            let folder = try folder("f\(shape.rawValue)")
            return try FloorStand(
                binary: $0, directory: folder, cores: "0", requestBytes: Self.requestBytes(of: stand.bodies(1, rowsEach: 1)[0]),
                replyBytes: Self.replyBytes, logPath: "\(folder)/log")
        }
        let bareLoop = try bare.map { loop(try $0.sessions(shape.connections)) }
        for _ in 0..<rounds {
            figures.headwater.append(try round(own, rowsEach: 1, processes: [stand.online]))
            if let other, let otherLoop {
                figures.beside.append(try round(otherLoop, rowsEach: 1, processes: [other.online]))
            }
            if let peer, let peerLoop { figures.redis.append(try round(peerLoop, rowsEach: 1, processes: [peer.process])) }
            if let bare, let bareLoop { figures.floor.append(try round(bareLoop, rowsEach: 1, processes: [bare.process])) }
        }
        figures.addBars(shape)
        return figures
    }

    /// Gets of single rows in an open loop, alone and beside single rows.
    ///
    /// - Parameter pipelined: rounds of that case; measured here where there are none.
    func gets(pipelined: [RoundFigures]?) throws -> GetsCase {
        let stand = try HeadwaterStand(binary: headwater, directory: try folder("g"), cores: "0", withOffline: false)
        defer { stand.stop() }
        let shape = SingleRows.pipelined
        let load = try GetsBesideWrites(
            stand, rows: Self.getsRows, writers: shape.connections, depth: shape.depth, warmUp: Self.warmUpSeconds,
            seconds: seconds)
        settle([stand.online])
        let capacity = try (0..<rounds).map { try load.capacity(seed: UInt64($0 + 1)) }
        var figures = GetsCase(capacity: capacity, pipelined: try pipelined ?? singleRows(shape, to: stand))
        settle([stand.online])
        for number in 0..<rounds {
            func stretch(rowsPerSecond: Double?) throws -> GetsBesideWrites.Stretch {
                try load.stretch(
                    getsPerSecond: figures.getsPerSecondWanted, rowsPerSecond: rowsPerSecond, seed: UInt64(number + 1))
            }
            figures.quiet.append(try stretch(rowsPerSecond: nil))
            figures.beside.append(try stretch(rowsPerSecond: figures.rowsPerSecondWanted))
        }
        return figures
    }

    /// Rounds against one server alone.
    private func singleRows(_ shape: SingleRows, to stand: HeadwaterStand) throws -> [RoundFigures] {
        let loop = try ownLoop(shape, to: stand)
        return try (0..<rounds).map { _ in try round(loop, rowsEach: 1, processes: [stand.online]) }
    }

    private func ownLoop(_ shape: SingleRows, to stand: HeadwaterStand) throws -> ClosedLoop<HeadwaterSession> {
        ClosedLoop(
            try stand.sessions(shape.connections, bodies: stand.bodies(Self.singleBodies, rowsEach: 1)), depth: shape.depth)
    }

    /// Batches of 1,000 rows, acknowledged when durable and applied online, with the offline service following apart.
    func batches() throws -> WriteCase {
        let stand = try HeadwaterStand(binary: headwater, directory: try folder("h2"), cores: "0,1", withOffline: true)
        defer { stand.stop() }
        let bodies = stand.bodies(1_000, rowsEach: Self.batchRows)
        let own = ClosedLoop(try stand.sessions(Self.batchConnections, bodies: bodies))
        var figures = WriteCase(
            name: "\(Self.batchRows) rows a request, \(Self.batchConnections) connections",
            placing: "headwater online and offline on both cores, the load on core 1; Redis on core 0")
        let peer = try redis.map { try RedisStand(binary: $0, directory: try folder("r2"), cores: "0") }
        let peerLoop = try peer.map {
            ClosedLoop(
                try $0.sessions(
                    Self.batchConnections, pipelines: Rows.pipelines(100, rowsEach: Self.batchRows), rowsEach: Self.batchRows))
        }
        for _ in 0..<rounds {
            let watch = try LagWatch(socketPath: stand.offlineSocket)
            figures.headwater.append(
                try round(own, rowsEach: Self.batchRows, processes: [stand.online, stand.offline!]) { session, time in
                    watch.acknowledged(session.lastPosition, at: time)
                })
            figures.lags.append(watch.finish(within: 30))
            settle([stand.online, stand.offline!])
            if let peer, let peerLoop {
                figures.redis.append(try round(peerLoop, rowsEach: Self.batchRows, processes: [peer.process]))
            }
        }
        figures.addBars(rowsPerSecond: 1_000_000, lagMilliseconds: 100)
        return figures
    }

    /// Bytes of a write's frame: its header, a head of a session's write, the body.
    private static func requestBytes(of body: [UInt8]) -> Int { 48 + 24 + body.count }
    /// Bytes of its answer's frame.
    private static let replyBytes = 48 + 20

    private func folder(_ name: String) throws -> String {
        let path = "\(place)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func round<Session: LoadSession>(
        _ loop: ClosedLoop<Session>, rowsEach: Int, processes: [ServerProcess],
        onAnswer: (Session, UInt64) throws(HeadwaterError) -> Void = { _, _ in }
    ) throws -> RoundFigures {
        let before = processes.map { $0.usage() }
        let machine = MachineUsage.now()
        let start = monotonicNanoseconds()
        let load = try loop.run(warmUp: Self.warmUpSeconds, seconds: seconds, onAnswer: onAnswer)
        let elapsed = Double(monotonicNanoseconds() - start) / 1e9
        let usage = zip(processes, before).map { ($0.name, $0.usage() - $1) }
        return RoundFigures(
            load: load, rowsPerSecond: load.requestsPerSecond * Double(rowsEach), seconds: elapsed,
            usage: Dictionary(uniqueKeysWithValues: usage), machine: MachineUsage.now() - machine)
    }

    /// Waits until background work of one system is over, so that the next one does not pay for it.
    private func settle(_ processes: [ServerProcess]) {
        for _ in 0..<50 {
            let before = processes.reduce(0) { $0 + $1.usage().cpuSeconds }
            Thread.sleep(forTimeInterval: 0.2)
            if processes.reduce(0, { $0 + $1.usage().cpuSeconds }) - before < 0.02 { return }
        }
    }
}
