public import FeatureModel
internal import Foundation

/// Runs the cases of `bench online`: starts servers, fills them,
/// alternates rounds of load. Stores are shared by the cases that can.
public final class OnlineRunner {
    static let wide = OnlineTable.int64s("wide", 50)
    static let narrow = OnlineTable.int64s("narrow", 10)
    /// The five groups of the service, of two entity types.
    static let parts = (0..<5).map { OnlineTable.int64s("part\($0)", entity: $0 < 3 ? "user" : "item", 10) }
    static let mixed = OnlineTable(
        "mixed",
        features: Array(repeating: .string, count: 10) + Array(repeating: .array(.int64), count: 5)
            + Array(repeating: .vector(64), count: 2) + Array(repeating: .int64, count: 10)
            + Array(repeating: .float64, count: 10)
            + Array(repeating: .bool, count: 5))
    static let mixedRowsMax = 100_000
    private static let requestsMax = 1 << 20
    private static let poolBytesMax = 64 << 20

    let options: OnlineOptions
    private let progress: (String) -> Void
    private var store: OnlineStand?
    private var filled: Set<String> = []
    private var peer: RedisStand?
    private var peerFilled: Set<String> = []
    /// The store of the cases memory and start, filled and snapshotted.
    var large: OnlineStand?
    /// Another build of Headwater, with a store of its own.
    private lazy var beside: OnlineRunner? = options.beside.map { binary in
        var options = options
        (options.headwater, options.beside, options.place) = (binary, nil, "\(options.place)/b")
        options.isScraped = false
        return OnlineRunner(options, progress: progress)
    }

    /// - Parameter progress: told what is being done.
    public init(_ options: OnlineOptions, progress: @escaping (String) -> Void = { _ in }) {
        self.options = options
        self.progress = progress
    }

    /// Ends all servers.
    public func stop() {
        store?.stop()
        large?.stop()
        peer?.process.stop()
        if options.beside != nil { beside?.stop() }
        (store, large, peer) = (nil, nil, nil)
    }

    public func run(_ name: OnlineCaseName) throws(HeadwaterError) -> OnlineCase {
        say(name.rawValue)
        return switch name {
        case .get100: try gets(name, rows: 100, connections: 8, depth: 1, peers: [.hash, .packed])
        case .get10: try gets(name, rows: 10, connections: 8, depth: 1, peers: [.hash, .packed])
        case .get1: try gets(name, rows: 1, connections: 32, depth: 1, peers: [.hash, .packed])
        case .get1Deep: try gets(name, rows: 1, connections: 32, depth: 16, peers: [.packed])
        case .service: try service()
        case .mixed: try mixedTypes()
        case .tcp: try tcp()
        case .written: try written()
        case .feast: try feast()
        case .memory: try memory()
        case .start: try start()
        }
    }

    func say(_ what: String) { progress(what) }

    var cores: String? { options.pinsServers ? "0" : nil }

    func folder(_ name: String) throws(HeadwaterError) -> String {
        let path = "\(options.place)/\(name)"
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw HeadwaterError(.unavailable, "cannot make \(path): \(error)")
        }
        return path
    }

    /// The store of most cases, with `tables` filled.
    func store(with tables: [OnlineTable]) throws(HeadwaterError) -> OnlineStand {
        if store == nil {
            let all = [Self.wide, Self.narrow, Self.mixed] + Self.parts
            // Snapshots are taken when a case asks for them, and not while another is measured.
            store = try OnlineStand(
                binary: options.headwater, directory: folder("h"), cores: cores,
                definitions: OnlineTable.definitions(all, services: [("five", Self.parts)]),
                port: Int.random(in: 20_000..<32_000),
                httpPort: options.isScraped ? Int.random(in: 17_000..<20_000) : nil, snapshotBytes: 4 << 30)
        }
        for table in tables where filled.insert(table.name).inserted {
            let count = table.name == Self.mixed.name ? min(options.rows, Self.mixedRowsMax) : options.rows
            say("filling \(table.name): \(count) rows")
            try store!.load(table, entities: 0..<count)
            try store!.session().snapshot()
        }
        return store!
    }

    /// Redis with the rows of `wide` in a layout.
    func peer(with layout: RedisLayout) throws(HeadwaterError) -> RedisStand? {
        guard let binary = options.redis else { return nil }
        if peer == nil { peer = try RedisStand(binary: binary, directory: folder("r"), cores: cores, isDurable: false) }
        if peerFilled.insert(layout.rawValue).inserted {
            say("filling Redis, \(layout): \(options.rows) rows")
            try peer!.load(RedisRows(Self.wide, layout), entities: 0..<options.rows)
        }
        return peer
    }

    func chooser(_ count: Int? = nil) -> EntityChooser { EntityChooser(options.keys, count: count ?? options.rows, seed: 1) }

    /// How many requests are prepared: each entity comes up a few times, unless memory sets a bound.
    func poolCount(rows: Int) -> Int { max(64, min(Self.requestsMax, 4 * options.rows / rows)) }

    /// A contender that gets `target` from the store.
    func headwater(
        _ target: GetTarget, as name: String = OnlineSystemName.headwater, rows: Int, connections: Int, depth: Int,
        entities: Int? = nil, overTCP: Bool = false
    ) throws(HeadwaterError) -> Contender {
        let stand = try store(with: target.tables)
        let gets = try HeadwaterGets(
            address: overTCP ? "tcp:\(stand.port!)" : stand.socketPath, target: target, connections: connections,
            depth: depth)
        var chooser = chooser(entities)
        try gets.addRequests(poolCount(rows: rows), rows: rows, chooser: &chooser, bytesMax: Self.poolBytesMax)
        return Contender(name: name, stream: gets.stream, rowsEach: rows, process: stand.process, scrapedPort: stand.httpPort) {
            () throws(HeadwaterError) in try gets.check()
        }
    }

    /// The other build, getting the same; none where none is to stand beside ours.
    func headwaterBeside(_ target: GetTarget, rows: Int, connections: Int, depth: Int) throws(HeadwaterError) -> [Contender] {
        guard let beside else { return [] }
        return [
            try beside.headwater(
                target, as: OnlineSystemName.beside, rows: rows, connections: connections, depth: depth)
        ]
    }

    func redis(_ layout: RedisLayout, rows: Int, connections: Int, depth: Int) throws(HeadwaterError) -> Contender? {
        guard let stand = try peer(with: layout) else { return nil }
        let gets = try RedisGets(
            address: stand.socketPath, rows: RedisRows(Self.wide, layout), connections: connections, depth: depth)
        var chooser = chooser()
        try gets.addRequests(poolCount(rows: rows), rows: rows, chooser: &chooser, bytesMax: Self.poolBytesMax)
        let name = layout == .hash ? OnlineSystemName.redisHash : OnlineSystemName.redisPacked
        return Contender(name: name, stream: gets.stream, rowsEach: rows, process: stand.process) { () throws(HeadwaterError) in
            try gets.check()
        }
    }

    /// The floor that moves what a get of 50 int64 moves.
    func floor(
        as name: String = OnlineSystemName.floor, rows: Int, connections: Int, depth: Int, port: Int? = nil
    ) throws(HeadwaterError) -> Contender? {
        guard let binary = options.floor else { return nil }
        let stand = try FloorStand(
            binary: binary, directory: folder("f"), cores: cores, port: port,
            requestBytes: HeadwaterGets.requestBytes(rows: rows),
            replyBytes: HeadwaterGets.replyBytes(rows: rows, int64s: 50), logPath: nil)
        let stream = try stand.stream(connections: connections, depth: depth)
        // The stand lives as long as its contender, and its socket's path as long as it.
        return Contender(name: name, stream: stream, rowsEach: rows, process: stand.process, owner: stand) {}
    }
}
