internal import FeatureModel
internal import Foundation

/// Headwater as a system of the offline benchmark: the store inside this process.
public final class HeadwaterOffline: OfflineSystem {
    private let threads: Int
    private let blockRows: Int?
    private let compactionBytes: Int?
    private var place = ""
    private var stand: OfflineStand?
    private var tables: [OfflineTable] = []
    private var spines: [String: OfflineStand.Spine] = [:]

    /// - Parameters:
    ///   - blockRows: rows of a block of a chunk; `nil` for what the store takes by itself.
    ///   - compactionBytes: what a compaction may take in memory; the same.
    public init(threads: Int, blockRows: Int? = nil, compactionBytes: Int? = nil) {
        self.threads = threads
        self.blockRows = blockRows
        self.compactionBytes = compactionBytes
    }

    public var peakBytes: Int? { nil }

    public func end() { stand?.close() }

    public func ask(_ request: OfflineRequest) throws -> OfflineAnswer {
        var answer = OfflineAnswer()
        switch request.action {
        case .open: try open(request)
        case .load:
            let table = tables.first { $0.name == request.table! }!
            answer.seconds = try opened().load(table, rowsPerFlush: request.rowsPerFlush!).flushSeconds
            answer.rows = table.rowCount
            answer.tableBytes = try [opened().chunkBytes(table.name)]
        case .levels:
            let table = tables.first { $0.name == request.table! }!
            let levels = try makeStand("\(place)/levels", [table])
            defer {
                levels.close()
                try? FileManager.default.removeItem(atPath: "\(place)/levels")
            }
            let figures = try levels.load(table, rowsPerFlush: request.rowsPerFlush!, inLevels: true)
            (answer.seconds, answer.rows) = (figures.flushSeconds, figures.rows)
            answer.amplification = levels.amplification
        case .compact:
            answer.seconds = try opened().compact()
            answer.rows = tables.reduce(0) { $0 + $1.rowCount }
            answer.tableBytes = try tables.map { try opened().chunkBytes($0.name) }
        case .join:
            let figures = try opened().join(spines[request.spine!]!, request.groups!, output: request.output)
            (answer.seconds, answer.rows) = (figures.seconds, figures.rows)
        case .scan:
            let group = request.groups![0]
            let figures = try opened().scan(
                group.name, features: group.features, start: request.start, end: request.end, output: request.output)
            (answer.seconds, answer.rows) = (figures.seconds, figures.rows)
        case .store: throw HeadwaterError(.invalidArgument, "'store' is for peers: a store of Headwater takes 'load'")
        }
        return answer
    }

    private func open(_ request: OfflineRequest) throws {
        tables = request.tables!
        spines = try request.spines!.reduce(into: [:]) { $0[$1.name] = try OfflineStand.Spine($1) }
        stand?.close()
        place = request.place!
        stand = try makeStand(place, tables)
    }

    private func makeStand(_ directory: String, _ tables: [OfflineTable]) throws(HeadwaterError) -> OfflineStand {
        try OfflineStand(
            directory: directory, tables: tables, threads: threads, blockRows: blockRows, compactionBytes: compactionBytes)
    }

    private func opened() throws(HeadwaterError) -> OfflineStand {
        guard let stand else { throw HeadwaterError(.failedPrecondition, "'open' comes first") }
        return stand
    }
}
