import BenchmarkLoad

/// The case `gets` of `bench writes`: what was measured, and what was asked for.
struct GetsCase {
    /// Of the capacity of gets, and of the pipelined writes' rate.
    static let getsShare = 0.4
    static let writesShare = 0.25

    /// Closed loops of gets alone.
    let capacity: [OnlineRound]
    /// Closed loops of pipelined single rows.
    let pipelined: [RoundFigures]
    /// Open loops of gets, in turns without and with writes.
    var quiet: [GetsBesideWrites.Stretch] = []
    var beside: [GetsBesideWrites.Stretch] = []

    init(capacity: [OnlineRound], pipelined: [RoundFigures]) {
        (self.capacity, self.pipelined) = (capacity, pipelined)
    }

    var getsPerSecondWanted: Double { Spread(capacity.map(\.rowsPerSecond)).median * Self.getsShare }
    var rowsPerSecondWanted: Double { Spread(pipelined.map(\.rowsPerSecond)).median * Self.writesShare }
}

/// The case as it is printed.
struct GetsFigures: Encodable {
    /// Open loops of one kind, one figure a round; latencies from when a get was due.
    struct Side: Encodable {
        let p50Milliseconds: Spread
        let p99Milliseconds: Spread
        let p999Milliseconds: Spread
        /// Of what was wanted.
        let getsPercent: Spread
        let rowsPercent: Spread?
        /// Gets that fell due and were never sent: above zero the server was far behind.
        let getsUnsent: Int
        let rowsUnsent: Int
        let serverCores: Spread
        let loadCores: Spread

        init(_ rounds: [GetsBesideWrites.Stretch], _ item: GetsCase) {
            let late = rounds.map { Latencies($0.gets.result.latencies) }
            p50Milliseconds = Spread(late.map(\.p50Milliseconds))
            p99Milliseconds = Spread(late.map(\.p99Milliseconds))
            p999Milliseconds = Spread(late.map(\.p999Milliseconds))
            getsPercent = Spread(rounds.map { $0.gets.result.answeredPerSecond / item.getsPerSecondWanted * 100 })
            let writes = rounds.compactMap(\.writes)
            rowsPercent = writes.isEmpty ? nil : Spread(writes.map { $0.answeredPerSecond / item.rowsPerSecondWanted * 100 })
            getsUnsent = rounds.reduce(0) { $0 + $1.gets.result.unsent }
            rowsUnsent = writes.reduce(0) { $0 + $1.unsent }
            serverCores = Spread(rounds.map(\.gets.serverCores))
            loadCores = Spread(rounds.map(\.gets.result.coreShare))
        }
    }

    let name = "gets of one row at 40 % of their quiet capacity, open loop, beside single rows at 25 % of the pipelined rate"
    let placing = "the server on core 0, the load of both on core 1"
    let capacityGetsPerSecond: Spread
    let pipelinedRowsPerSecond: Spread
    let getsPerSecondWanted: Double
    let rowsPerSecondWanted: Double
    let quiet: Side
    let beside: Side
    /// By round.
    let p99BesideOverQuiet: Spread
    let bars: [Bar]

    init(_ item: GetsCase) {
        capacityGetsPerSecond = Spread(item.capacity.map(\.rowsPerSecond))
        pipelinedRowsPerSecond = Spread(item.pipelined.map(\.rowsPerSecond))
        getsPerSecondWanted = item.getsPerSecondWanted
        rowsPerSecondWanted = item.rowsPerSecondWanted
        quiet = Side(item.quiet, item)
        beside = Side(item.beside, item)
        func p99(_ stretch: GetsBesideWrites.Stretch) -> Double { Latencies(stretch.gets.result.latencies).p99Milliseconds }
        p99BesideOverQuiet = Spread(zip(item.beside, item.quiet).map { p99($0) / p99($1) })
        let open = (item.quiet + item.beside).map(\.gets)
        let shares = item.pipelined.map(\.load.coreShare) + (item.capacity + open).map(\.result.coreShare)
        bars = [
            Bar("p99 beside / quiet", wanted: 2, measured: p99BesideOverQuiet.median, atMost: true),
            Bar.loadShare(of: shares),
        ]
    }
}
