internal import FeatureModel
internal import Foundation

/// Headwater as a system of the offline benchmark: the store inside this process.
public final class HeadwaterOffline: OfflineSystem {
    private let threads: Int
    private var stand: OfflineStand?
    private var tables: [OfflineTable] = []
    private var spines: [String: OfflineStand.Spine] = [:]

    public init(threads: Int) { self.threads = threads }

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
        stand = try OfflineStand(directory: request.place!, tables: tables, threads: threads)
    }

    private func opened() throws(HeadwaterError) -> OfflineStand {
        guard let stand else { throw HeadwaterError(.failedPrecondition, "'open' comes first") }
        return stand
    }

    /// Answers requests from standard input, a JSON line each, until it ends.
    public static func serve(threads: Int) throws {
        let system = HeadwaterOffline(threads: threads)
        defer { system.end() }
        while let line = readLine() {
            var answer = OfflineAnswer()
            do {
                answer = try system.ask(try JSONDecoder().decode(OfflineRequest.self, from: Data(line.utf8)))
            } catch {
                answer.error = "\(error)"
            }
            FileHandle.standardOutput.write(try JSONEncoder().encode(answer) + [UInt8(ascii: "\n")])
        }
    }
}
