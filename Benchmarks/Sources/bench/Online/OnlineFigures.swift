import BenchmarkLoad
import Histogram

/// What one system did in all rounds of a case of `bench online`.
struct OnlineSystemFigures: Encodable {
    let name: String
    let requestsPerSecond: Spread
    let rowsPerSecond: Spread
    let replyBytesPerSecond: Spread
    /// Of all rounds together.
    let latencies: Latencies
    let p99MillisecondsByRound: [Double]
    /// Of the server's core; in a closed loop far below 1, something else held the load back.
    let serverCores: Spread
    /// Fell due in an open loop and were never sent: above zero the server was far behind.
    let unsent: Int
    /// Replies whose checksum was verified.
    let checked: Int

    let rowsPerSecondByRound: [Double]
    let replyBytesPerSecondByRound: [Double]

    init(_ system: OnlineSystem) {
        let results = system.rounds.map(\.result)
        name = system.name
        requestsPerSecond = Spread(results.map(\.requestsPerSecond))
        rowsPerSecondByRound = system.rounds.map(\.rowsPerSecond)
        rowsPerSecond = Spread(rowsPerSecondByRound)
        replyBytesPerSecondByRound = results.map(\.bytesPerSecond)
        replyBytesPerSecond = Spread(replyBytesPerSecondByRound)
        var all = LatencyCounts()
        for result in results { all.add(result.latencies) }
        latencies = Latencies(all)
        p99MillisecondsByRound = results.map { Latencies($0.latencies).p99Milliseconds }
        serverCores = Spread(system.rounds.map(\.serverCores))
        unsent = results.reduce(0) { $0 + $1.unsent }
        checked = results.reduce(0) { $0 + $1.checked }
    }
}

/// A ratio with its bar.
struct OnlineBar: Encodable {
    let name: String
    let wanted: Double?
    let isAtMost: Bool
    let measured: Spread

    var isMet: Bool? { wanted.map { isAtMost ? measured.median <= $0 : measured.median >= $0 } }

    private enum CodingKeys: String, CodingKey {
        case name
        case wanted
        case isAtMost
        case measured
        case isMet
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encodeIfPresent(wanted, forKey: .wanted)
        try container.encode(isAtMost, forKey: .isAtMost)
        try container.encode(measured, forKey: .measured)
        try container.encodeIfPresent(isMet, forKey: .isMet)
    }
}

/// One line of the table: what is compared, and what came of it.
struct OnlineLine: Encodable {
    var work = ""
    var headwater = ""
    var peer = ""
    var floor = ""
    var bar: OnlineBar?
}

/// One case with the figures and lines that are printed.
struct OnlineFigures: Encodable {
    let name: String
    let work: String
    let systems: [OnlineSystemFigures]
    let measures: [String: Spread]
    let notes: [String]
    /// Ours over the build beside it: requests a second, and the server's CPU time a request.
    let besideRequests: PairedRatio?
    let besideCPU: PairedRatio?
    private(set) var lines: [OnlineLine] = []

    var isClosedLoop: Bool { name != OnlineCaseName.written.rawValue && name != OnlineCaseName.feast.rawValue }

    /// - Parameter besideBar: what ours is to reach of the requests a second of the build beside it; `nil` for no bar.
    init(_ item: OnlineCase, besideBar: Double? = nil) {
        name = item.name.rawValue
        work = item.work
        systems = item.systems.map(OnlineSystemFigures.init)
        measures = Dictionary(uniqueKeysWithValues: item.measures.map { ($0.name, Spread($0.values)) })
        notes = item.notes
        let own = item.system(OnlineSystemName.headwater)?.rounds ?? []
        let beside = item.system(OnlineSystemName.beside)?.rounds
        func ratio(_ figure: (OnlineRound) -> Double) -> PairedRatio? {
            beside.map { PairedRatio(own.map(figure), over: $0.map(figure)) }
        }
        besideRequests = ratio { $0.result.requestsPerSecond }
        besideCPU = ratio { $0.serverCores / max($0.result.requestsPerSecond, 1) }
        lines = makeLines(item)
        lines[0].work = item.work
        if let besideRequests, let besideCPU {
            let ratios = zip(own, beside ?? []).map { $0.result.requestsPerSecond / $1.result.requestsPerSecond }
            lines.append(
                OnlineLine(
                    headwater: "/ beside: requests/s \(besideRequests.text), CPU a request \(besideCPU.text)",
                    bar: besideBar.map {
                        OnlineBar(name: "requests/s / beside", wanted: $0, isAtMost: false, measured: Spread(ratios))
                    }))
        }
    }

    func system(_ name: String) -> OnlineSystemFigures? { systems.first { $0.name == name } }
}

extension Latencies {
    init(_ latencies: LatencyCounts) {
        var histogram = Histogram<UInt64>(highestTrackableValue: 600_000_000_000, numberOfSignificantValueDigits: .three)
        for (value, count) in latencies.counts { histogram.record(value, count: UInt64(count)) }
        func milliseconds(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) / 1e6 }
        self.init(
            p50Milliseconds: milliseconds(50), p99Milliseconds: milliseconds(99), p999Milliseconds: milliseconds(99.9),
            maxMilliseconds: Double(latencies.max) / 1e6)
    }
}
