internal import Foundation

/// One join or scan: answers compared first, then rounds in which every system has its turn.
struct OfflineRounds {
    let runner: OfflineRunner
    let work: OfflineWork
    let data: StageData

    /// A peer and the ways in which its users would do it.
    private struct Peer {
        let name: String
        /// With a word each where there are several.
        let ways: [(system: String, text: String?)]
        /// Measured once, for scale.
        var isForScale = false
    }

    private static let duckDB: [(system: String, text: String?)] = [("duckdb-parquet", "Parquet"), ("duckdb-own", "table")]

    private var peers: [Peer] {
        guard runner.hasPeers else { return [] }
        if case .scan = work.kind { return [Peer(name: "pyarrow", ways: [("pyarrow", nil)])] }
        // DuckDB's own table is in order of key and time.
        let duckDB = Peer(name: "duckdb", ways: work.isCompacted ? Self.duckDB : [Self.duckDB[0]])
        let pandas = Peer(name: "pandas", ways: [("pandas", nil)], isForScale: true)
        return [duckDB, Peer(name: "polars", ways: [("polars", nil)])] + (work.hasPandas ? [pandas] : [])
    }

    private var groups: [OfflineRequest.Group] {
        switch work.kind {
        case .join(_, let groups): groups
        case .socketJoin(_, let group), .scan(let group, _): [group]
        default: []
        }
    }

    private func request(output: AnswerFiles? = nil) -> OfflineRequest {
        var request = OfflineRequest(.join)
        switch work.kind {
        case .join(let spine, _), .socketJoin(let spine, _): request.spine = spine
        case .scan(_, let range):
            request.action = .scan
            (request.start, request.end) = (range?.lowerBound, range?.upperBound)
        default: preconditionFailure("\(work.name) is neither join nor scan")
        }
        request.groups = groups
        request.layout = work.isCompacted ? "sorted" : "arrival"
        request.output = output?.directory
        return request
    }

    private var ownName: String { work.needsServer ? OfflineRunner.socketName : OfflineRunner.headwaterName }

    func run() throws -> OfflineFigures {
        var figures = OfflineFigures(work: work.name, unit: .milliseconds, headwater: .init(name: OfflineRunner.headwaterName))
        let ours = try AnswerFiles("\(data.place)/answers")
        defer { ours.remove() }
        if runner.hasPeers { _ = try once(ownName, ours, isTimed: false) }
        var turns: [(place: Int, system: String)] = []
        for peer in peers {
            let (checked, system) = check(peer, ours)
            if let system, !peer.isForScale { turns.append((figures.peers.count, system)) }
            figures.peers.append(checked)
        }
        try measure(turns, &figures)
        if let faster = figures.fasterPeer {
            let ratios = zip(faster.values, figures.headwater.values).map { $0 / $1 }
            figures.bars.append(.init(peer: faster.name, unit: nil, wanted: work.bar, isAtMost: false, measured: ratios))
        }
        if let limit = work.millisecondsMax {
            figures.bars.append(
                .init(peer: nil, unit: .milliseconds, wanted: limit, isAtMost: true, measured: figures.headwater.values))
        }
        return figures
    }

    /// Does it in a fresh process and writes the answer out; then once more, where the time is wanted.
    private func once(
        _ system: String, _ output: AnswerFiles, isTimed: Bool
    ) throws -> (milliseconds: Double, peakBytes: Int?) {
        let system = try runner.open(system, data)
        defer { system.end() }
        _ = try system.ask(request(output: output))
        return (isTimed ? try system.ask(request()).seconds! * 1e3 : 0, system.peakBytes)
    }

    /// Compares a peer's answers with ours, and finds its faster way.
    private func check(_ peer: Peer, _ ours: AnswerFiles) -> (figures: OfflineFigures.System, system: String?) {
        var figures = OfflineFigures.System(name: peer.name)
        var faster: (system: String, milliseconds: Double)?
        for way in peer.ways {
            do {
                let theirs = try AnswerFiles("\(data.place)/answers-\(way.system)")
                defer { theirs.remove() }
                let taken = try once(way.system, theirs, isTimed: peer.ways.count > 1 || peer.isForScale)
                let compared = try ours.compared(to: theirs, groups.flatMap(\.features))
                if figures.answer == nil || figures.answer == OfflineFigures.same { figures.answer = compared }
                guard taken.milliseconds < faster?.milliseconds ?? .infinity else { continue }
                faster = (way.system, taken.milliseconds)
                figures.way = way.text
                if peer.isForScale {
                    figures.values = [taken.milliseconds]
                    figures.peakMegabytes = taken.peakBytes.map { Double($0) / 1e6 }
                }
            } catch { figures.failure = "\(error)" }
        }
        return (figures, faster?.system)
    }

    /// Fresh processes, which warm up once and then take turns.
    private func measure(_ turns: [(place: Int, system: String)], _ figures: inout OfflineFigures) throws {
        let own = try runner.open(ownName, data)
        defer { own.end() }
        _ = try own.ask(request())
        let others = turns.map { turn in (place: turn.place, system: Result { try runner.open(turn.system, data) }) }
        defer { for other in others { try? other.system.get().end() } }
        func ask(_ other: (place: Int, system: Result<any OfflineSystem, any Error>)) -> Double? {
            guard figures.peers[other.place].failure == nil else { return nil }
            do { return try other.system.get().ask(request()).seconds! * 1e3 } catch {
                figures.peers[other.place].failure = "\(error)"
                return nil
            }
        }
        for other in others { _ = ask(other) }
        for _ in 0..<runner.settings.rounds {
            figures.headwater.values.append(try own.ask(request()).seconds! * 1e3)
            for other in others {
                if let taken = ask(other) { figures.peers[other.place].values.append(taken) }
            }
        }
        figures.headwater.peakMegabytes = own.peakBytes.map { Double($0) / 1e6 }
        for other in others {
            figures.peers[other.place].peakMegabytes = (try? other.system.get().peakBytes).map { Double($0) / 1e6 }
        }
    }
}
