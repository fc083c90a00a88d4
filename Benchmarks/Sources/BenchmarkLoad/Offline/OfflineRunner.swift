internal import Foundation

/// The works of the offline benchmark, ours and the peers' in alternating rounds, answers compared.
public final class OfflineRunner {
    /// Sizes and settings of a run.
    public struct Options: Sendable {
        public var rows = 10_000_000
        public var keys = 100_000
        public var spineRows = 1_000_000
        public var rounds = 5
        public var threads = 2
        /// Only works whose name has this in it.
        public var only = ""
        /// The headwater executable, for works through a socket; without it they are left out.
        public var headwater: String?

        public init() {}
    }

    public static let chunks = 100

    let options: Options
    let place: String
    let peers: PeerProcess?
    private let note: (String) -> Void
    public private(set) var figures: [OfflineFigures] = []

    /// - Parameters:
    ///   - place: a directory for all data, in which sockets have a legal path.
    ///   - note: told what is under way.
    public init(_ options: Options, place: String, peers: PeerProcess?, note: @escaping (String) -> Void) {
        self.options = options
        self.place = place
        self.peers = peers
        self.note = note
    }

    public func run() throws {
        try runMain()
        try runOther(
            "skew (Zipf keys)", OfflineTable(name: "z", rows: options.rows, keys: options.keys, distribution: .zipf, seed: 11))
        let few = max(1, options.rows / 100_000)
        try runOther("long history (\(few) keys)", OfflineTable(name: "l", rows: options.rows, keys: few, seed: 12))
    }

    // MARK: Works

    private func runMain() throws {
        note("making tables")
        let tables = [
            OfflineTable(name: "h", rows: options.rows, keys: options.keys, seed: 1),
            OfflineTable(name: "g", rows: options.rows / 2, keys: options.keys, differentTimes: 50, seed: 4),
            OfflineTable(name: "d", rows: max(options.rows / 100, 1), keys: options.keys, seed: 5),
        ]
        let spine = OfflineTable(spine: "s", rows: options.spineRows, keys: options.keys, seed: 2)
        let tiny = OfflineTable(spine: "t", rows: 10, keys: options.keys, seed: 3)
        try load(spine: spine)
        try load(spine: tiny)
        let stand = try OfflineStand(directory: "\(place)/stand", tables: tables, threads: options.threads)
        defer { stand.close() }
        let parquetBytes = try load(tables, stand)
        let (h, g, d) = (tables[0], tables[1], tables[2])
        let all = OfflineStand.JoinTable(name: "h", features: h.featureNames)
        try join("join, \(Self.chunks) chunks in order of arrival", bar: 1.5, stand, spine, [all], layout: "arrival", [h])

        note("compacting")
        let seconds = try stand.compact()
        let rows = tables.reduce(0) { $0 + $1.rowCount }
        rate("compaction of \(Self.chunks) chunks at once", rows, seconds)
        if let parquetBytes {
            var size = OfflineFigures(
                work: "size on disk, made-up data", unit: .megabytes, headwater: [Double(stand.chunkBytes("h")) / 1e6], bar: 1)
            size.peers["Parquet LZ4"] = [Double(parquetBytes) / 1e6]
            figures.append(size)
        }
        let server = try options.headwater.map { try serve(h, binary: $0) }
        defer { server?.stop() }
        try join("join, 10 features", bar: 3, stand, spine, [all], [h], hasPandas: true)
        if let server {
            try join(
                "join, 10 features, through a socket", bar: 2, spine, [all], [h], hasOutput: false
            ) { _ in try server.join(spine, h) }
            try besideGets(server, spine, h)
        }
        try join("join, 1 feature", bar: 4, stand, spine, [.init(name: "h", features: [h.featureNames[0]])], [h])
        let some = { (table: OfflineTable) in [0, 1, 6, 7].map { table.featureNames[$0] } }
        let three: [OfflineStand.JoinTable] = [
            .init(name: "h", features: some(h)), .init(name: "g", features: some(g)),
            .init(name: "d", features: some(d), maxAge: 90 * 86_400 * 1_000_000),
        ]
        try join("join of three groups, ties, max_age", bar: 3, stand, spine, three, tables)
        try join("join of ten spine rows", bar: 3, limit: 10, stand, tiny, [all], [h])
        try scan("scan of 10 features", bar: 1, stand, h, h.featureNames, nil)
        let quarter = (OfflineTable.firstTime, (OfflineTable.firstTime + OfflineTable.middleTime) / 2)
        try scan("scan of 1 feature, a quarter of the times", bar: 3, stand, h, [h.featureNames[0]], quarter)
        try drop(tables.map(\.name))
    }

    /// A join of 10 features of another history.
    private func runOther(_ name: String, _ table: OfflineTable) throws {
        let work = "join, 10 features, \(name)"
        guard options.only.isEmpty || work.contains(options.only) else { return }
        let stand = try OfflineStand(directory: "\(place)/stand-\(table.name)", tables: [table], threads: options.threads)
        defer { stand.close() }
        _ = try load([table], stand, isMain: false)
        _ = try stand.compact()
        let keys = table.name == "z" ? options.keys : max(1, options.rows / 100_000)
        let spine = OfflineTable(
            spine: "s\(table.name)", rows: options.spineRows, keys: keys, distribution: table.name == "z" ? .zipf : .uniform,
            seed: 21)
        try load(spine: spine)
        try join(work, bar: 3, stand, spine, [.init(name: table.name, features: table.featureNames)], [table])
        try drop([table.name])
    }

    private func serve(_ table: OfflineTable, binary: String) throws -> HistoryServer {
        note("filling a server")
        let server = try HistoryServer(binary: binary, directory: place, tables: [table])
        try server.load(table)
        try server.compact()
        return server
    }

    /// What joins do to gets of the same server.
    private func besideGets(_ server: HistoryServer, _ spine: OfflineTable, _ table: OfflineTable) throws {
        let work = "p99 of 10,000 gets a second, beside joins"
        guard options.only.isEmpty || work.contains(options.only) else { return }
        note(work)
        let seconds = options.rows < 1_000_000 ? 0.5 : 4
        let gets = try server.getsBesideJoins(spine, table, rate: 10_000, seconds: seconds, rounds: options.rounds)
        var line = OfflineFigures(work: work, unit: .milliseconds, headwater: gets.besideP99, bar: 1 / 1.5)
        line.peers["quiet"] = gets.quietP99
        line.notes["quiet"] =
            "\(gets.joins) joins of \(options.spineRows) rows were done beside the gets; the bar is that p99 grows by 1.5 at the most"
        figures.append(line)
    }

    // MARK: Loading

    /// Fills the store and the peers.
    ///
    /// - Parameter isMain: the first table's flushes are a work, and it is wanted in the order of arrival too.
    /// - Returns: bytes of the first table's Parquet file.
    private func load(_ tables: [OfflineTable], _ stand: OfflineStand, isMain: Bool = true) throws -> Int? {
        var parquetBytes: Int?
        for (number, table) in tables.enumerated() {
            note("loading \(table.name)")
            let load = try stand.load(table, rowsPerFlush: max(1, table.rowCount / (isMain ? Self.chunks : 10)))
            if isMain, number == 0 { rate("flush", load.rows, load.flushSeconds) }
            guard let peers else { continue }
            try table.write(to: place)
            let answer = try peers.ask(
                .init(
                    do: "load", place: place, table: table.name, arrival: isMain && number == 0,
                    recordRows: OfflineStand.rowsPerRecord, columns: table.columnKinds))
            table.removeFiles(in: place)
            if let error = answer.error { throw PeerFailed(description: "the peers cannot load \(table.name): \(error)") }
            if number == 0 { parquetBytes = answer.bytes }
        }
        return parquetBytes
    }

    private func load(spine: OfflineTable) throws {
        guard let peers else { return }
        try spine.write(to: place)
        let answer = try peers.ask(
            .init(do: "load", place: place, table: spine.name, isSpine: true, columns: spine.columnKinds))
        spine.removeFiles(in: place)
        if let error = answer.error { throw PeerFailed(description: "the peers cannot load \(spine.name): \(error)") }
    }

    private func drop(_ names: [String]) throws { _ = try peers?.ask(.init(do: "drop", names: names)) }

    private struct PeerFailed: Error, CustomStringConvertible { let description: String }

    // MARK: Measuring

    private func rate(_ work: String, _ rows: Int, _ seconds: Double) {
        guard options.only.isEmpty || work.contains(options.only) else { return }
        figures.append(OfflineFigures(work: work, unit: .rowsPerSecond, headwater: [Double(rows) / seconds / 1e6], bar: 2))
    }

    private func join(
        _ work: String, bar: Double, limit: Double? = nil, _ stand: OfflineStand, _ spine: OfflineTable,
        _ asked: [OfflineStand.JoinTable], layout: String = "sorted", _ tables: [OfflineTable], hasPandas: Bool = false
    ) throws {
        try join(work, bar: bar, limit: limit, spine, asked, layout: layout, tables, hasPandas: hasPandas) { output in
            try stand.join(spine, asked, output: output)
        }
    }

    private func join(
        _ work: String, bar: Double, limit: Double? = nil, _ spine: OfflineTable, _ asked: [OfflineStand.JoinTable],
        layout: String = "sorted", _ tables: [OfflineTable], hasPandas: Bool = false, hasOutput: Bool = true,
        _ ours: (_ output: String?) throws -> OfflineStand.WorkFigures
    ) throws {
        let request = PeerProcess.Request(
            do: "join", spine: spine.name, layout: layout,
            tables: asked.map { .init(name: $0.name, features: $0.features, maxAge: $0.maxAge) })
        let compared = zip(asked, tables).flatMap { asked, table in table.columnKinds.filter { asked.features.contains($0[0]) } }
        var names = ["DuckDB Parquet", "Polars"]
        if layout == "sorted" { names.append("DuckDB own") }
        if hasPandas { names.append("pandas") }
        try measure(
            work, bar: bar, limit: limit, names, request, compared: hasOutput ? compared : nil, ordered: true,
            // DuckDB says nothing of which row an ASOF join takes of several with the same time.
            tied: asked.contains { $0.name == "g" } ? names.filter { $0.hasPrefix("DuckDB") } : [], ours)
    }

    private func scan(
        _ work: String, bar: Double, _ stand: OfflineStand, _ table: OfflineTable, _ features: [String], _ range: (Int64, Int64)?
    ) throws {
        let request = PeerProcess.Request(do: "scan", table: table.name, start: range?.0, end: range?.1, features: features)
        let compared = table.columnKinds.filter { features.contains($0[0]) }
        try measure(work, bar: bar, ["pyarrow"], request, compared: compared, ordered: false) { output in
            try stand.scan(table.name, features: features, start: range?.0, end: range?.1, output: output)
        }
    }

    private static let peerCodes = [
        "DuckDB Parquet": "duckdb", "DuckDB own": "duckdb own", "Polars": "polars", "pandas": "pandas", "pyarrow": "pyarrow",
    ]

    /// One round to warm up, whose answers are compared; then rounds in which everybody has a turn.
    private func measure(
        _ work: String, bar: Double, limit: Double? = nil, _ names: [String], _ request: PeerProcess.Request,
        compared: [[String]]?, ordered: Bool, tied: [String] = [], _ ours: (_ output: String?) throws -> OfflineStand.WorkFigures
    ) throws {
        guard options.only.isEmpty || work.contains(options.only) else { return }
        note(work)
        let answers = "\(place)/answers"
        try FileManager.default.createDirectory(atPath: answers, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: answers) }
        var line = OfflineFigures(work: work, unit: .milliseconds, headwater: [], bar: bar, limit: limit)
        let rows = try ours(compared == nil ? nil : answers).rows
        func ask(_ name: String) throws -> PeerProcess.Answer? {
            guard let peers, line.failures[name] == nil else { return nil }
            var request = request
            request.peer = Self.peerCodes[name]
            let answer = try peers.ask(request)
            if let error = answer.error { line.failures[name] = error }
            return answer.error == nil ? answer : nil
        }
        for name in names {
            guard try ask(name) != nil, let compared, let peers else { continue }
            let same = try peers.ask(.init(do: "compare", ordered: ordered, ours: answers, rows: rows, compared: compared))
            if let error = same.error { throw PeerFailed(description: "answers of \(name) cannot be compared: \(error)") }
            if let difference = same.difference, tied.contains(name) {
                line.notes[name] = "of rows that tie it takes another than the last written: \(difference)"
            } else {
                line.differences[name] = .some(same.difference)
            }
        }
        for _ in 0..<options.rounds {
            let figures = try ours(nil)
            line.headwater.append(figures.seconds * 1e3)
            line.note(peak: figures.peakBytes, of: OfflineFigures.headwaterName)
            // pandas is there for scale: once.
            for name in names where name != "pandas" || line.peers[name] == nil {
                guard let answer = try ask(name) else { continue }
                line.peers[name, default: []].append((answer.seconds ?? 0) * 1e3)
                line.note(peak: answer.peak ?? 0, of: name)
            }
        }
        figures.append(line)
    }
}

extension OfflineFigures {
    fileprivate mutating func note(peak bytes: Int, of name: String) {
        peakMegabytes[name] = max(peakMegabytes[name] ?? 0, Double(bytes) / 1e6)
    }
}
