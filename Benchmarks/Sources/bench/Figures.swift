import BenchmarkLoad
import Foundation
import Histogram

/// Latencies of all rounds together.
struct Latencies: Encodable {
    let p50Milliseconds: Double
    let p99Milliseconds: Double
    let p999Milliseconds: Double
    let maxMilliseconds: Double

    init(p50Milliseconds: Double, p99Milliseconds: Double, p999Milliseconds: Double, maxMilliseconds: Double) {
        self.p50Milliseconds = p50Milliseconds
        self.p99Milliseconds = p99Milliseconds
        self.p999Milliseconds = p999Milliseconds
        self.maxMilliseconds = maxMilliseconds
    }

    /// - Parameter nanoseconds: one number a request.
    init(_ nanoseconds: some Sequence<UInt64>) {
        var histogram = Histogram<UInt64>(highestTrackableValue: 600_000_000_000, numberOfSignificantValueDigits: .three)
        for value in nanoseconds { histogram.record(value) }
        func milliseconds(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) / 1e6 }
        p50Milliseconds = milliseconds(50)
        p99Milliseconds = milliseconds(99)
        p999Milliseconds = milliseconds(99.9)
        maxMilliseconds = Double(histogram.max) / 1e6
    }
}

/// What `--json` prints.
func jsonDocument(_ document: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(document), as: UTF8.self)
}

/// One figure of each round: its median, and how far the rounds lay apart.
struct Spread: Encodable {
    let median: Double
    let min: Double
    let max: Double

    init(_ rounds: [Double]) {
        let sorted = rounds.sorted()
        precondition(!sorted.isEmpty, "a spread of nothing")
        median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        min = sorted[0]
        max = sorted[sorted.count - 1]
    }
}

/// This build's figure over another build's, round by round: the median of the ratios, and the ends of its 95 % interval.
///
/// The interval is the sign test's, which assumes nothing about how the ratios are spread: so many of
/// the least and the greatest are left out as the median lies among with a probability of at most 5 %.
struct PairedRatio: Encodable {
    let median: Double
    let low: Double
    let high: Double

    init(_ own: [Double], over other: [Double]) {
        let ratios = zip(own, other).map { $0 / $1 }
        let spread = Spread(ratios)
        let sorted = ratios.sorted()
        // The chance that no more than `left` of them lie on one side of the true median.
        var (left, binomial) = (0, 2 * pow(0.5, Double(sorted.count)))
        var outside = binomial
        while outside <= 0.05, left < (sorted.count - 1) / 2 {
            left += 1
            binomial *= Double(sorted.count - left + 1) / Double(left)
            outside += binomial
        }
        if outside > 0.05, left > 0 { left -= 1 }
        (median, low, high) = (spread.median, sorted[left], sorted[sorted.count - 1 - left])
    }

    var text: String { String(format: "%.3f (%.3f … %.3f)", median, low, high) }
}

/// What one system did in all rounds of one case.
struct SystemFigures: Encodable {
    let rowsPerSecond: Spread
    let latencies: Latencies
    /// Cores that each of its processes used, and bytes that the disk wrote for each row.
    let coresUsed: [String: Spread]
    let writtenBytesPerRow: Double

    init(_ rounds: [RoundFigures]) {
        rowsPerSecond = Spread(rounds.map(\.rowsPerSecond))
        latencies = Latencies(rounds.lazy.flatMap(\.load.latencies).map(UInt64.init))
        coresUsed = Dictionary(
            uniqueKeysWithValues: rounds[0].usage.keys.map { name in
                (name, Spread(rounds.map { $0.usage[name]!.cpuSeconds / $0.seconds }))
            })
        // The stretch has its warm-up in it, at about the same pace.
        writtenBytesPerRow =
            rounds.reduce(0) { $0 + $1.machine.diskWrittenBytes }
            / Swift.max(1, rounds.reduce(0) { $0 + $1.rowsPerSecond * $1.seconds })
    }
}

/// One measured stretch of one system.
struct RoundFigures {
    let load: LoadResult
    let rowsPerSecond: Double
    /// The stretch with its warm-up, that the usages are of.
    let seconds: Double
    let usage: [String: ServerProcess.Usage]
    let machine: MachineUsage
}

/// What a bar asked for, and what came.
struct Bar: Encodable {
    let name: String
    let wanted: Double
    let measured: Double
    let isMet: Bool

    init(_ name: String, wanted: Double, measured: Double, atMost: Bool = false) {
        self.name = name
        self.wanted = wanted
        self.measured = measured
        isMet = atMost ? measured <= wanted : measured >= wanted
    }

    /// Above it the load is what is measured.
    ///
    /// - Parameter shares: of each round.
    static func loadShare(of shares: [Double]) -> Bar {
        Bar(
            "share of its core that the load used, or the case is void", wanted: 0.8, measured: Spread(shares).max, atMost: true)
    }
}
