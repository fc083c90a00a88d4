internal import Foundation

/// The works of the offline benchmark: Headwater and its peers in alternating rounds, answers compared.
public final class OfflineRunner {
    /// Starts a system: `headwater`, `headwater-socket` (a `HeadwaterSocket`), or a way of `Benchmarks/peers/offline_peers.py`.
    public typealias Starter = (_ system: String) throws -> any OfflineSystem

    public static let headwaterName = "headwater"
    public static let socketName = "headwater-socket"

    let settings: OfflineSettings
    let start: Starter
    let note: (String) -> Void
    private let place: String
    private var server: HeadwaterSocket?
    /// Why there are no peers, where there are none.
    public private(set) var peersProblem: String?
    public private(set) var figures: [OfflineFigures] = []

    /// - Parameters:
    ///   - place: a directory for all data.
    ///   - peersProblem: why there are no peers; `nil` where `start` starts them.
    ///   - note: told what is under way.
    public init(
        _ settings: OfflineSettings, place: String, peersProblem: String?, note: @escaping (String) -> Void,
        start: @escaping Starter
    ) {
        self.settings = settings
        self.place = place
        self.peersProblem = peersProblem
        self.note = note
        self.start = start
    }

    var hasPeers: Bool { peersProblem == nil }

    public func run() throws {
        for stage in OfflineStage.all(settings) {
            let works = stage.works.filter(settings.isWanted)
            if !works.isEmpty { try run(stage, works) }
        }
    }

    private func run(_ stage: OfflineStage, _ works: [OfflineWork]) throws {
        let directory = "\(place)/\(stage.name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        note("\(stage.name): making tables")
        let (tables, spines) = try stage.make(directory)
        guard !tables.isEmpty else { return note("\(stage.name): skipped, the data are not there") }
        let data = StageData(place: directory, tables: tables, spines: spines, needsArrival: works.contains { !$0.isCompacted })
        let flushed = try load(data)
        let parquet = storeForPeers(data)
        defer { stopServer() }
        for work in works where !work.isCompacted {
            switch work.kind {
            case .flush: figures.append(flushed.figures(of: work))
            case .levels: figures.append(try levels(work, data))
            default: try measure(work, data)
            }
            tellBytes(work, data, flushed.tableBytes, parquet)
        }
        // A server reads them once more.
        if !works.contains(where: \.needsServer) { for table in tables { table.removeCells() } }
        note("\(stage.name): compacting")
        let compacted = try compact(data)
        for work in works where work.isCompacted {
            switch work.kind {
            case .compaction: figures.append(compacted.figures(of: work))
            case .size(let table): figures.append(size(work, compacted.tableBytes[table], parquet.map { $0[table] }))
            case .gets(let job): figures.append(try gets(beside: job, work, data))
            default: try measure(work, data)
            }
            tellBytes(work, data, compacted.tableBytes, parquet)
        }
    }

    /// Of the work that was done last.
    private func tellBytes(_ work: OfflineWork, _ data: StageData, _ own: [Int], _ parquet: [Int]?) {
        let tables = work.tables(of: data.tables)
        func megabytes(_ bytes: [Int]) -> Double { tables.reduce(0) { $0 + Double(bytes[$1]) } / 1e6 }
        figures[figures.count - 1].onDisk =
            [.init(name: Self.headwaterName, megabytes: megabytes(own))]
            + (parquet.map { [.init(name: "parquet", megabytes: megabytes($0))] } ?? [])
    }

    private func gets(beside job: OfflineJob, _ work: OfflineWork, _ data: StageData) throws -> OfflineFigures {
        note(work.name)
        let system = try open(Self.socketName, data) as! HeadwaterSocket
        let seconds = settings.rows < 1_000_000 ? 0.5 : 4
        let gets = try system.gets(beside: job, data.tables[0], seconds: seconds, rounds: settings.rounds)
        var own = OfflineFigures.System(name: Self.headwaterName, values: gets.besideP99)
        own.peakMegabytes = system.peakBytes.map { Double($0) / 1e6 }
        var figures = OfflineFigures(work: work.name, unit: .milliseconds, headwater: own)
        figures.peers = [.init(name: "quiet", values: gets.quietP99)]
        let ratios = zip(gets.besideP99, gets.quietP99).map { $0 / $1 }
        figures.bars = [.init(peer: "quiet", unit: nil, wanted: work.bar, isAtMost: true, measured: ratios)]
        return figures
    }

    private func levels(_ work: OfflineWork, _ data: StageData) throws -> OfflineFigures {
        note(work.name)
        let system = try open(Self.headwaterName, data, hasSpines: false)
        defer { system.end() }
        var request = OfflineRequest(.levels)
        (request.table, request.rowsPerFlush) = (data.tables[0].name, rowsPerFlush(data.tables[0]))
        let amplification = try system.ask(request).amplification!
        var own = OfflineFigures.System(name: Self.headwaterName, values: [amplification])
        own.peakMegabytes = system.peakBytes.map { Double($0) / 1e6 }
        var figures = OfflineFigures(work: work.name, unit: .times, headwater: own)
        figures.bars = [.init(peer: nil, unit: .times, wanted: work.bar, isAtMost: true, measured: own.values)]
        return figures
    }

    private func stopServer() {
        server?.stop()
        server = nil
    }

    private func measure(_ work: OfflineWork, _ data: StageData) throws {
        note(work.name)
        figures.append(try OfflineRounds(runner: self, work: work, data: data).run())
    }

    // MARK: Filling

    /// A system that has a stage's tables.
    func open(_ name: String, _ data: StageData, hasSpines: Bool = true) throws -> any OfflineSystem {
        let system = try server.flatMap { name == Self.socketName ? $0 : nil } ?? start(name)
        // A server is filled once for all works of a stage.
        if let socket = system as? HeadwaterSocket { server = socket }
        var request = OfflineRequest(.open)
        (request.place, request.tables, request.spines) = (data.place, data.tables, hasSpines ? data.spines : [])
        _ = try system.ask(request)
        return system
    }

    private func rowsPerFlush(_ table: OfflineTable) -> Int { max(1, table.rowCount / settings.chunks) }

    /// - Returns: what the first table's flushes took, and the bytes of all.
    private func load(_ data: StageData) throws -> StoreFigures {
        let system = try open(Self.headwaterName, data, hasSpines: false)
        defer { system.end() }
        var first: StoreFigures?
        var bytes: [Int] = []
        for table in data.tables {
            note("\(table.name): loading \(table.rowCount) rows")
            var request = OfflineRequest(.load)
            (request.table, request.rowsPerFlush) = (table.name, rowsPerFlush(table))
            let answer = try system.ask(request)
            first = first ?? StoreFigures(answer, peakBytes: system.peakBytes)
            bytes += answer.tableBytes!
        }
        first!.tableBytes = bytes
        return first!
    }

    /// - Returns: bytes of each table's Parquet file, `nil` without peers.
    private func storeForPeers(_ data: StageData) -> [Int]? {
        guard hasPeers else { return nil }
        note("storing the same for the peers")
        do {
            let system = try open("tables", data, hasSpines: false)
            defer { system.end() }
            var request = OfflineRequest(.store)
            request.rowsPerRecord = data.tables.map { OfflineStand.rowsPerRecord(rowsPerFlush($0)) }
            request.layouts = (data.needsArrival ? ["arrival"] : []) + ["sorted"]
            return try system.ask(request).tableBytes
        } catch {
            peersProblem = "their tables cannot be made: \(error)"
            return nil
        }
    }

    private func compact(_ data: StageData) throws -> StoreFigures {
        let system = try open(Self.headwaterName, data, hasSpines: false)
        defer { system.end() }
        let answer = try system.ask(OfflineRequest(.compact))
        return StoreFigures(answer, peakBytes: system.peakBytes)
    }

    private func size(_ work: OfflineWork, _ bytes: Int, _ parquetBytes: Int?) -> OfflineFigures {
        var figures = OfflineFigures(
            work: work.name, unit: .megabytes, headwater: .init(name: Self.headwaterName, values: [Double(bytes) / 1e6]))
        if let parquetBytes {
            figures.peers = [.init(name: "parquet", values: [Double(parquetBytes) / 1e6])]
            let ratio = Double(bytes) / Double(parquetBytes)
            figures.bars = [.init(peer: "parquet", unit: nil, wanted: work.bar, isAtMost: true, measured: [ratio])]
        }
        return figures
    }
}

/// A stage's tables as they lie in its directory.
struct StageData {
    let place: String
    let tables: [OfflineTable]
    let spines: [OfflineTable]
    let needsArrival: Bool
}

/// What a flush or a compaction took.
private struct StoreFigures {
    let seconds: Double
    let rows: Int
    let peakBytes: Int?
    var tableBytes: [Int]

    init(_ answer: OfflineAnswer, peakBytes: Int?) {
        (seconds, rows, self.peakBytes, tableBytes) = (answer.seconds!, answer.rows!, peakBytes, answer.tableBytes ?? [])
    }

    func figures(of work: OfflineWork) -> OfflineFigures {
        let rate = Double(rows) / seconds / 1e6
        var system = OfflineFigures.System(name: OfflineRunner.headwaterName, values: [rate])
        system.peakMegabytes = peakBytes.map { Double($0) / 1e6 }
        var figures = OfflineFigures(work: work.name, unit: .millionRowsPerSecond, headwater: system)
        figures.bars = [.init(peer: nil, unit: .millionRowsPerSecond, wanted: work.bar, isAtMost: false, measured: [rate])]
        return figures
    }
}
