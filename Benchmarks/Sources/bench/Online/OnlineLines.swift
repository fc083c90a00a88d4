import BenchmarkLoad
import Foundation

/// Which bars each case has, and what is printed beside them.
extension OnlineFigures {
    func makeLines(_ item: OnlineCase) -> [OnlineLine] {
        switch item.name {
        case .get100: gets(hash: 60, packed: 5, floor: 0.35)
        case .get10: gets(hash: 20, packed: 3, floor: nil)
        case .get1: gets(hash: nil, packed: 1.1, floor: 0.6, p99OfFloor: 1.7)
        case .get1Deep: gets(hash: nil, packed: nil, floor: 0.4)
        case .service: service()
        case .mixed: mixed()
        case .tcp: tcp()
        case .written: written(item)
        case .feast: systems.map { OnlineLine(work: "", headwater: "\($0.name): \(milliseconds($0))") }
        case .memory: memory(item)
        case .start: start(item)
        }
    }

    private func gets(hash: Double?, packed: Double?, floor wantedOfFloor: Double?, p99OfFloor: Double? = nil) -> [OnlineLine] {
        guard let own = system(OnlineSystemName.headwater) else { return [OnlineLine()] }
        var lines: [OnlineLine] = []
        for (name, wanted) in [(OnlineSystemName.redisHash, hash), (OnlineSystemName.redisPacked, packed)] {
            guard let peer = system(name) else { continue }
            lines.append(
                OnlineLine(peer: "\(name): \(rowsText(peer))", bar: bar("/ peer", own, peer, \.rowsPerSecondByRound, wanted)))
        }
        if lines.isEmpty { lines.append(OnlineLine(peer: "no Redis")) }
        if let floor = system(OnlineSystemName.floor) {
            lines.append(
                OnlineLine(floor: rowsText(floor), bar: bar("/ floor", own, floor, \.rowsPerSecondByRound, wantedOfFloor)))
            if let p99OfFloor {
                lines.append(
                    OnlineLine(
                        floor: milliseconds(floor),
                        bar: bar("p99 / floor's", own, floor, \.p99MillisecondsByRound, p99OfFloor, isAtMost: true)))
            }
        }
        lines[0].headwater = "\(rowsText(own)), \(milliseconds(own))"
        return lines
    }

    private func service() -> [OnlineLine] {
        guard let own = system(OnlineSystemName.headwater), let one = system(OnlineSystemName.oneGroup) else {
            return [OnlineLine()]
        }
        let bar = bar("/ one group", own, one, \.rowsPerSecondByRound, 0.6)
        return [
            OnlineLine(
                headwater: "\(rowsText(own)), \(milliseconds(own))", peer: "one group × 50 int64: \(rowsText(one))", bar: bar)
        ]
    }

    private func mixed() -> [OnlineLine] {
        guard let own = system(OnlineSystemName.headwater), let one = system(OnlineSystemName.oneGroup) else {
            return [OnlineLine()]
        }
        func megabytes(_ figures: OnlineSystemFigures) -> String { "\(number(figures.replyBytesPerSecond.median / 1e6)) MB/s" }
        let bar = bar("int64 / mixed, bytes/s", one, own, \.replyBytesPerSecondByRound, 3, isAtMost: true)
        return [
            OnlineLine(
                headwater: "\(megabytes(own)), \(milliseconds(own))", peer: "one group × 50 int64: \(megabytes(one))", bar: bar)
        ]
    }

    private func tcp() -> [OnlineLine] {
        guard let unix = system(OnlineSystemName.headwater), let tcp = system(OnlineSystemName.tcp) else { return [OnlineLine()] }
        let floor = system(OnlineSystemName.floorTCP)
        return [
            OnlineLine(
                headwater: "TCP \(rowsText(tcp)), \(milliseconds(tcp))",
                peer: "Unix socket \(rowsText(unix)), \(milliseconds(unix))",
                floor: floor.map { "TCP \(rowsText($0))" } ?? "",
                bar: bar("TCP / Unix socket", tcp, unix, \.rowsPerSecondByRound, nil))
        ]
    }

    private func written(_ item: OnlineCase) -> [OnlineLine] {
        guard let quiet = system(OnlineSystemName.quiet) else { return [OnlineLine()] }
        var lines: [OnlineLine] = []
        for name in [OnlineSystemName.whileWritten, OnlineSystemName.whileSnapshot] {
            guard let loaded = system(name) else { continue }
            let late = loaded.unsent > 0 ? ", \(loaded.unsent) requests never sent" : ""
            lines.append(
                OnlineLine(
                    headwater: "\(name): \(milliseconds(loaded))\(late)", peer: "quiet: \(milliseconds(quiet))",
                    bar: bar("p99 / quiet", loaded, quiet, \.p99MillisecondsByRound, 2, isAtMost: true)))
        }
        // The reads' bar means nothing where the writes were held back. Arrivals are random: a tenth below is chance.
        if let rows = measures[OnlineRunner.WrittenMeasure.rows] {
            let wanted = Double(OnlineRunner.writtenRowsPerSecond) * 0.9
            lines.append(OnlineLine(bar: OnlineBar(name: "rows/s written", wanted: wanted, isAtMost: false, measured: rows)))
        }
        if let taken = measures[OnlineRunner.WrittenMeasure.snapshotMilliseconds] {
            lines.append(OnlineLine(headwater: "a snapshot: \(number(taken.median)) ms"))
        }
        return lines
    }

    /// Bytes of a row by its data alone: packed features, key, time and position.
    private static let bytesPerRow = 82.0 + 8 + 16

    private func memory(_ item: OnlineCase) -> [OnlineLine] {
        guard let resident = item.measure(OnlineRunner.LargeMeasure.residentPerRow) else { return [OnlineLine()] }
        let peak = measures[OnlineRunner.LargeMeasure.peakPerRow]?.median ?? 0
        let anonymous = measures[OnlineRunner.LargeMeasure.anonymousPerRow]?.median ?? 0
        let all = Spread(resident.values).median
        return [
            OnlineLine(
                headwater: "\(number(all)) B/row, \(number(anonymous)) of them anonymous; peak in a snapshot \(number(peak))",
                bar: OnlineBar(
                    name: "/ 106 B of data", wanted: 1.35, isAtMost: true,
                    measured: Spread(resident.values.map { $0 / Self.bytesPerRow })))
        ]
    }

    private func start(_ item: OnlineCase) -> [OnlineLine] {
        typealias Name = OnlineRunner.LargeMeasure
        guard let all = item.measure(Name.coldStart)?.values, let tenth = item.measure(Name.smallStart)?.values,
            let replayed = item.measure(Name.replayRate)?.values, let replay = measures[Name.replaySeconds]
        else { return [OnlineLine()] }
        let redis = measures[Name.redisStart].map { "Redis, RDB: \(number($0.median)) ms" } ?? "Redis is not installed"
        return [
            OnlineLine(
                headwater: "\(number(Spread(all).median)) ms", peer: redis,
                bar: OnlineBar(name: "ms", wanted: 100, isAtMost: true, measured: Spread(all))),
            OnlineLine(
                headwater: "\(number(Spread(tenth).median)) ms with a tenth of the rows",
                bar: OnlineBar(
                    name: "all / a tenth", wanted: 1.5, isAtMost: true, measured: Spread(zip(all, tenth).map { $0 / $1 }))),
            OnlineLine(
                headwater: "\(number(replay.median)) ms after kill -9",
                bar: OnlineBar(name: "rows/s replayed", wanted: 1_000_000, isAtMost: false, measured: Spread(replayed))),
        ]
    }

    /// One figure over another, round by round.
    private func bar(
        _ name: String, _ own: OnlineSystemFigures, _ other: OnlineSystemFigures,
        _ figure: KeyPath<OnlineSystemFigures, [Double]>,
        _ wanted: Double?, isAtMost: Bool = false
    ) -> OnlineBar {
        let ratios = zip(own[keyPath: figure], other[keyPath: figure]).map { $0 / max($1, 1e-9) }
        return OnlineBar(name: name, wanted: wanted, isAtMost: isAtMost, measured: Spread(ratios))
    }

    private func rowsText(_ figures: OnlineSystemFigures) -> String {
        let rows = figures.rowsPerSecond
        return "\(number(rows.median)) (\(number(rows.min)) … \(number(rows.max))) rows/s"
    }

    private func milliseconds(_ figures: OnlineSystemFigures) -> String {
        "p50 \(number(figures.latencies.p50Milliseconds)) p99 \(number(figures.latencies.p99Milliseconds)) ms"
    }
}

/// A figure with three digits, and k or M for thousands and millions.
func number(_ value: Double) -> String {
    if value >= 999_500 { return digits(value / 1e6) + " M" }
    return value >= 9_995 ? digits(value / 1_000) + " k" : digits(value)
}

private func digits(_ value: Double) -> String {
    String(format: value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : value >= 0.9995 || value == 0 ? "%.2f" : "%.3f", value)
}
