import BenchmarkLoad
import Foundation

/// One case of `bench writes`: rounds of both systems, and what was asked of them.
struct WriteCase {
    let name: String
    let placing: String
    var headwater: [RoundFigures] = []
    /// Another build of Headwater.
    var beside: [RoundFigures] = []
    var redis: [RoundFigures] = []
    /// A C server that moves, logs and syncs the same bytes and does nothing else.
    var floor: [RoundFigures] = []
    /// Of each round, how long each write took from its acknowledgement until offline showed it, in nanoseconds.
    var lags: [[UInt64]] = []
    private(set) var bars: [Bar] = []

    init(name: String, placing: String) {
        self.name = name
        self.placing = placing
    }

    private var median: Double { Spread(headwater.map(\.rowsPerSecond)).median }
    var ratio: Spread? { ratio(to: redis) }
    var ratioToFloor: Spread? { ratio(to: floor) }
    var lag: Latencies? { lags.isEmpty ? nil : Latencies(lags.joined()) }

    /// This build over the other: rows a second, and the server's CPU time a row.
    var besideRows: PairedRatio? { besides(\.rowsPerSecond) }
    var besideCPU: PairedRatio? {
        besides { $0.usage.values.reduce(0) { $0 + $1.cpuSeconds } / ($0.rowsPerSecond * $0.seconds) }
    }

    private func besides(_ figure: (RoundFigures) -> Double) -> PairedRatio? {
        beside.isEmpty ? nil : PairedRatio(headwater.map(figure), over: beside.map(figure))
    }

    /// Headwater over the other, round by round; `nil` where that was not run.
    private func ratio(to other: [RoundFigures]) -> Spread? {
        other.isEmpty ? nil : Spread(zip(headwater, other).map { $0.rowsPerSecond / $1.rowsPerSecond })
    }

    mutating func addBars(_ shape: SingleRows) {
        if let ratio { bars.append(Bar("Headwater / Redis", wanted: shape.ratioToRedis, measured: ratio.median)) }
        switch shape {
        case .single:
            if let ratioToFloor { bars.append(Bar("Headwater / floor", wanted: 0.5, measured: ratioToFloor.median)) }
            bars.append(
                Bar(
                    "bytes written to the disk a row", wanted: 600, measured: SystemFigures(headwater).writtenBytesPerRow,
                    atMost: true))
        case .alone where !floor.isEmpty:
            bars.append(
                Bar(
                    "p50 µs, at most the floor's and 40", wanted: SystemFigures(floor).latencies.p50Milliseconds * 1_000 + 40,
                    measured: SystemFigures(headwater).latencies.p50Milliseconds * 1_000, atMost: true))
        case .alone, .pipelined: break
        }
        bars.append(Bar.loadShare(of: (headwater + redis + floor).map(\.load.coreShare)))
    }

    mutating func addBars(rowsPerSecond: Double, lagMilliseconds: Double) {
        bars.append(Bar("rows a second", wanted: rowsPerSecond, measured: median))
        if let ratio { bars.append(Bar("Headwater / Redis", wanted: 8, measured: ratio.median)) }
        let late = SystemFigures(headwater).latencies
        bars.append(Bar("p99 ms", wanted: 30, measured: late.p99Milliseconds, atMost: true))
        bars.append(Bar("p99.9 ms", wanted: 80, measured: late.p999Milliseconds, atMost: true))
        if let lag {
            bars.append(Bar("offline behind, median ms", wanted: lagMilliseconds, measured: lag.p50Milliseconds, atMost: true))
        }
    }
}

/// What `bench writes` prints.
struct WriteReport {
    let rounds: Int
    let seconds: Double
    var cases: [WriteCase] = []
    var gets: GetsCase?

    func text() -> String {
        var lines = [
            "Durable writes: int64 key, 10 float64 features; closed loop but for gets; all systems by Unix sockets,",
            "one load generator for all; Redis with appendonly yes, appendfsync always; floor: a C server that moves, logs and syncs",
            "the same bytes and does nothing else; \(rounds) alternating rounds of \(seconds) s.",
        ]
        for item in cases { lines += [""] + text(item) }
        if let gets { lines += [""] + text(GetsFigures(gets)) }
        return lines.joined(separator: "\n")
    }

    private func text(_ item: WriteCase) -> [String] {
        var lines = [
            "\(item.name); \(item.placing)",
            "  system      rows/s: median     (min … max)   ms: p50    p99  p99.9    max   bytes/row",
        ]
        for (name, rounds) in [("headwater", item.headwater), ("redis", item.redis), ("floor", item.floor)] where !rounds.isEmpty
        {
            let figures = SystemFigures(rounds)
            let spread = figures.rowsPerSecond
            let late = figures.latencies
            lines.append(
                "  \(pad(name, 10))  \(left(whole(spread.median), 14)) \(left("(\(whole(spread.min)) … \(whole(spread.max)))", 20))  "
                    + [late.p50Milliseconds, late.p99Milliseconds, late.p999Milliseconds, late.maxMilliseconds]
                    .map { left(String(format: "%.2f", $0), 6) }.joined(separator: " ")
                    + left(whole(figures.writtenBytesPerRow), 12))
            let cores = figures.coresUsed.sorted { $0.key > $1.key }
                .map { "\($0.key) \(String(format: "%.2f", $0.value.median))" }.joined(separator: ", ")
            let busy = Spread(rounds.map { $0.machine.busyShare * 100 }).median
            let disk = Spread(rounds.map { $0.machine.diskSeconds / $0.seconds * 100 }).median
            lines.append("              cores used: \(cores); machine \(whole(busy)) % busy, disk \(whole(disk)) % of the time")
        }
        if item.redis.isEmpty {
            lines.append("  redis       skipped: redis-server is not installed (apt-get install redis-server)")
        }
        if let rows = item.besideRows, let cpu = item.besideCPU {
            lines.append("  / beside: rows/s \(rows.text), CPU a row \(cpu.text)")
        }
        if let ratio = item.ratio {
            lines.append(String(format: "  ratio by round: median %.2f (%.2f … %.2f)", ratio.median, ratio.min, ratio.max))
        }
        if let ofFloor = item.ratioToFloor {
            lines.append(
                String(format: "  headwater / floor: median %.2f (%.2f … %.2f)", ofFloor.median, ofFloor.min, ofFloor.max))
        }
        if let lag = item.lag {
            lines.append(
                String(
                    format: "  offline behind an acknowledgement: p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, max %.1f ms",
                    lag.p50Milliseconds, lag.p99Milliseconds, lag.p999Milliseconds, lag.maxMilliseconds))
        }
        return lines + text(item.bars)
    }

    private func text(_ item: GetsFigures) -> [String] {
        let (gets, rows) = (item.capacityGetsPerSecond, item.pipelinedRowsPerSecond)
        var lines = [
            "\(item.name); \(item.placing)",
            "  closed loops: \(text(gets)) gets/s alone, \(text(rows)) rows/s pipelined",
            "  gets        ms: p50 (min … max)      p99 (min … max)          p99.9 (min … max)",
        ]
        for (name, side) in [("quiet", item.quiet), ("beside", item.beside)] {
            let late = [side.p50Milliseconds, side.p99Milliseconds].map { pad(text($0, "%.3f"), 25) }.joined()
            lines.append("  \(pad(name, 10))  \(late)\(text(side.p999Milliseconds, "%.3f"))")
            var rates = "\(text(side.getsPercent, "%.1f")) % of \(whole(item.getsPerSecondWanted)) gets/s"
            if let percent = side.rowsPercent {
                rates += ", \(text(percent, "%.1f")) % of \(whole(item.rowsPerSecondWanted)) rows/s"
            }
            lines.append("              \(rates)")
            if side.getsUnsent + side.rowsUnsent > 0 {
                lines.append("              never sent: \(side.getsUnsent) gets, \(side.rowsUnsent) rows")
            }
            lines.append(
                "              cores used: online \(text(side.serverCores, "%.2f")), load \(text(side.loadCores, "%.2f"))")
        }
        lines.append("  p99 beside / quiet by round: median \(text(item.p99BesideOverQuiet, "%.2f"))")
        return lines + text(item.bars)
    }

    private func text(_ bars: [Bar]) -> [String] {
        bars.map {
            "  bar: \($0.name): wanted \(number($0.wanted)), measured \(number($0.measured)): \($0.isMet ? "met" : "NOT MET")"
        }
    }

    /// The median with the least and the most.
    private func text(_ spread: Spread, _ format: String = "%.0f") -> String {
        func text(_ value: Double) -> String { String(format: format, value) }
        return "\(text(spread.median)) (\(text(spread.min)) … \(text(spread.max)))"
    }

    private struct CaseDocument: Encodable {
        let name: String
        let placing: String
        let headwater: SystemFigures
        let redis: SystemFigures?
        let floor: SystemFigures?
        let besideRows: PairedRatio?
        let besideCPU: PairedRatio?
        let ratio: Spread?
        let ratioToFloor: Spread?
        let offlineLag: Latencies?
        let machineBusyPercent: Spread
        let diskBusyPercent: Spread
        let bars: [Bar]

        init(_ item: WriteCase) {
            name = item.name
            placing = item.placing
            headwater = SystemFigures(item.headwater)
            redis = item.redis.isEmpty ? nil : SystemFigures(item.redis)
            floor = item.floor.isEmpty ? nil : SystemFigures(item.floor)
            (besideRows, besideCPU) = (item.besideRows, item.besideCPU)
            ratio = item.ratio
            ratioToFloor = item.ratioToFloor
            offlineLag = item.lag
            machineBusyPercent = Spread(item.headwater.map { $0.machine.busyShare * 100 })
            diskBusyPercent = Spread(item.headwater.map { $0.machine.diskSeconds / $0.seconds * 100 })
            bars = item.bars
        }
    }

    private struct Document: Encodable {
        let writes: [CaseDocument]
        let gets: GetsFigures?
    }

    func json() throws -> String {
        try jsonDocument(Document(writes: cases.map(CaseDocument.init), gets: gets.map(GetsFigures.init)))
    }

    private func whole(_ number: Double) -> String { String(Int(number.rounded())) }
    private func number(_ value: Double) -> String { value >= 1_000 ? whole(value) : String(format: "%.2f", value) }
    private func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
    private func left(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
}
