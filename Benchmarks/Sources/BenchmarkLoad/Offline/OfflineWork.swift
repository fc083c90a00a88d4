internal import Foundation

/// One work of the offline benchmark, and what is asked of it.
struct OfflineWork: Sendable {
    enum Kind: Sendable {
        case flush
        /// How often levels write a row, where chunks come in one by one.
        case levels
        case compaction
        /// Chunks against LZ4 Parquet, of the numbered table.
        case size(table: Int)
        case join(spine: String, groups: [OfflineRequest.Group])
        /// The first table, from a server into the memory of a client.
        case socketJoin(spine: String, group: OfflineRequest.Group)
        /// What a job does to the p99 of gets of the same server.
        case gets(beside: OfflineJob)
        case scan(group: OfflineRequest.Group, range: Range<Int64>?)
    }

    let name: String
    let kind: Kind
    /// How many times faster than the faster peer; of a rate, M rows/s; of
    /// a size, a p99 or bytes written, at most so many times the other's.
    let bar: Double
    /// What it may take, too.
    var millisecondsMax: Double?
    /// Before the chunks are merged; peers read their rows in the order of arrival.
    var isCompacted = true
    var hasPandas = false

    /// Which of a stage's tables it is about.
    func tables(of all: [OfflineTable]) -> [Int] {
        let names: [String]
        switch kind {
        case .flush, .levels, .gets: names = [all[0].name]
        case .compaction: names = all.map(\.name)
        case .size(let table): names = [all[table].name]
        case .join(_, let groups): names = groups.map(\.name)
        case .socketJoin(_, let group), .scan(let group, _): names = [group.name]
        }
        return all.indices.filter { names.contains(all[$0].name) }
    }

    var needsServer: Bool {
        switch kind {
        case .socketJoin, .gets: true
        default: false
        }
    }
}

/// Tables that are made and stored together, and the works on them.
struct OfflineStage: Sendable {
    let name: String
    /// Makes tables and spines in a directory.
    let make: @Sendable (_ directory: String) throws -> (tables: [OfflineTable], spines: [OfflineTable])
    /// In the order in which they are done: what is not compacted first, what needs a server last.
    let works: [OfflineWork]

    static func all(_ settings: OfflineSettings) -> [OfflineStage] {
        [main(settings), skew(settings), longHistory(settings, keys: 100), longHistory(settings, keys: 1)]
            + (settings.flights.map { [flights($0)] } ?? [])
    }

    private static func main(_ settings: OfflineSettings) -> OfflineStage {
        let all = OfflineRequest.Group(name: "h", features: features("h"))
        let one = OfflineRequest.Group(name: "h", features: ["h_f0"])
        let three = [
            OfflineRequest.Group(name: "h", features: some("h")),
            OfflineRequest.Group(name: "g", features: some("g"), hasTies: true),
            OfflineRequest.Group(name: "d", features: some("d"), maxAge: 90 * 86_400 * 1_000_000),
        ]
        let quarter = OfflineTable.firstTime..<(OfflineTable.firstTime + OfflineTable.middleTime) / 2
        let works = [
            OfflineWork(name: "flush, \(settings.chunks) chunks", kind: .flush, bar: 2, isCompacted: false),
            // Once, and once for each level that it goes through: of four runs one is made.
            OfflineWork(
                name: "write amplification, \(settings.chunks) chunks", kind: .levels,
                bar: 1 + log(Double(settings.chunks)) / log(4), isCompacted: false),
            OfflineWork(
                name: "join, \(settings.chunks) chunks in order of arrival", kind: .join(spine: "s", groups: [all]), bar: 1.5,
                isCompacted: false),
            OfflineWork(name: "compaction, all chunks at once", kind: .compaction, bar: 2),
            OfflineWork(name: "size on disk, made-up data", kind: .size(table: 0), bar: 1),
            OfflineWork(name: "join, 10 features", kind: .join(spine: "s", groups: [all]), bar: 3, hasPandas: true),
            OfflineWork(name: "join, 1 feature", kind: .join(spine: "s", groups: [one]), bar: 4),
            OfflineWork(name: "join, 3 groups, ties, max_age", kind: .join(spine: "s", groups: three), bar: 3),
            OfflineWork(name: "join, 10 spine rows", kind: .join(spine: "t", groups: [all]), bar: 3, millisecondsMax: 10),
            OfflineWork(name: "scan, 10 features", kind: .scan(group: all, range: nil), bar: 1),
            OfflineWork(name: "scan, 1 feature, a quarter of the times", kind: .scan(group: one, range: quarter), bar: 3),
            OfflineWork(name: "join, 10 features, through a socket", kind: .socketJoin(spine: "s", group: all), bar: 2),
            OfflineWork(name: "p99 of 10,000 gets/s beside joins", kind: .gets(beside: .join(spine: "s")), bar: 1.5),
            OfflineWork(name: "p99 of 10,000 gets/s beside scans", kind: .gets(beside: .scan), bar: 1.5),
        ]
        return OfflineStage(name: "main", make: { try makeMain(settings, $0) }, works: works)
    }

    private static func makeMain(
        _ settings: OfflineSettings, _ directory: String
    ) throws -> (tables: [OfflineTable], spines: [OfflineTable]) {
        let (rows, keys) = (settings.rows, settings.keys)
        return (
            [
                try OfflineTable(name: "h", rows: rows, keys: keys, seed: 1, directory: directory),
                try OfflineTable(name: "g", rows: rows / 2, keys: keys, differentTimes: 50, seed: 4, directory: directory),
                try OfflineTable(name: "d", rows: max(1, rows / 100), keys: keys, seed: 5, directory: directory),
            ],
            [
                try OfflineTable(spine: "s", rows: settings.spineRows, keys: keys, seed: 2, directory: directory),
                try OfflineTable(spine: "t", rows: 10, keys: keys, seed: 3, directory: directory),
            ]
        )
    }

    private static func skew(_ settings: OfflineSettings) -> OfflineStage {
        other("z", "join, 10 features, Zipf keys") { directory in
            (
                [
                    try OfflineTable(
                        name: "z", rows: settings.rows, keys: settings.keys, distribution: .zipf, seed: 11, directory: directory)
                ],
                [
                    try OfflineTable(
                        spine: "s", rows: settings.spineRows, keys: settings.keys, distribution: .zipf, seed: 21,
                        directory: directory)
                ]
            )
        }
    }

    private static func longHistory(_ settings: OfflineSettings, keys: Int) -> OfflineStage {
        let (keys, table) = (min(keys, settings.keys), keys == 1 ? "o" : "l")
        return other(table, "join, 10 features, \(keys == 1 ? "one key" : "\(keys) keys")") { directory in
            (
                [try OfflineTable(name: table, rows: settings.rows, keys: keys, seed: 12, directory: directory)],
                [try OfflineTable(spine: "s", rows: settings.spineRows, keys: keys, seed: 22, directory: directory)]
            )
        }
    }

    private static func other(
        _ table: String, _ work: String,
        make: @escaping @Sendable (_ directory: String) throws -> (tables: [OfflineTable], spines: [OfflineTable])
    ) -> OfflineStage {
        let group = OfflineRequest.Group(name: table, features: features(table))
        return OfflineStage(
            name: table, make: make, works: [OfflineWork(name: work, kind: .join(spine: "s", groups: [group]), bar: 3)])
    }

    private static func flights(_ directory: String) -> OfflineStage {
        OfflineStage(
            name: "flights", make: { _ in (OfflineTable.flights(in: directory), []) },
            works: [
                OfflineWork(name: "size on disk, flights", kind: .size(table: 0), bar: 1),
                OfflineWork(name: "size on disk, weather", kind: .size(table: 1), bar: 1),
            ])
    }

    private static func features(_ table: String) -> [String] {
        (0..<6).map { "\(table)_f\($0)" } + (0..<4).map { "\(table)_i\($0)" }
    }

    private static func some(_ table: String) -> [String] { ["f0", "f1", "i0", "i1"].map { "\(table)_\($0)" } }
}
