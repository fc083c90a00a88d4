import BenchmarkLoad
import Foundation

/// What `bench offline` prints.
struct OfflineReport {
    let settings: OfflineSettings
    let threads: Int
    let peersProblem: String?
    let figures: [OfflineFigures]

    private static let columns = [
        "work", "Headwater", "DuckDB", "Polars", "other peer", "ratio (min … max)", "bar", "met", "disk MB", "peak MB", "answers",
    ]

    func text() -> String {
        var lines = [
            "\(settings.rows) rows of history, \(settings.keys) keys, 10 features, \(settings.spineRows) spine rows; \(threads) threads each.",
            "Medians of \(settings.rounds) alternating rounds with the least and the most, ratios to the faster peer round by round. Peers read LZ4",
            "Parquet; DuckDB reads what was faster, that or its own table. Disk: the tables of the work. Peak: of a process that did nothing but",
            "this work, mapped files included; H: Headwater, D: DuckDB, P: Polars, others by name. Answers: whether all peers have Headwater's",
            "cells, bit by bit.",
            "",
        ]
        let rows = [Self.columns] + figures.map(row)
        let widths = Self.columns.indices.map { column in rows.map { $0[column].count }.max()! }
        for (index, row) in rows.enumerated() {
            var line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            lines.append(line)
            if index == 0 { lines.append(widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")) }
        }
        if let peersProblem { lines += ["", "The peers are skipped: \(peersProblem)"] }
        if !figures.contains(where: { $0.work.contains("flights") }), settings.only.isEmpty {
            lines += ["", "The flights are left out: their tables are not there ('make bench-offline' makes them)"]
        }
        if !settings.hasServer { lines += ["", "Works through a socket are left out: 'make release' builds their server"] }
        for item in figures {
            for system in [item.headwater] + item.peers {
                if let failure = system.failure { lines += ["", "\(item.work), \(system.name): \(failure)"] }
                if let answer = system.answer, answer != OfflineFigures.same {
                    lines += ["", "\(item.work): \(system.name) has another answer: \(answer)"]
                }
            }
        }
        return lines.joined(separator: "\n")
    }

    private func row(_ item: OfflineFigures) -> [String] {
        func peer(_ name: String) -> String {
            guard let system = item.peers.first(where: { $0.name == name }) else {
                return peersProblem != nil && item.unit == .milliseconds ? "skipped" : ""
            }
            return value(system, item.unit)
        }
        let others = item.peers.filter { !["duckdb", "polars"].contains($0.name) }
        let bars = item.bars
        let answers = item.peers.compactMap(\.answer)
        return [
            item.work, value(item.headwater, item.unit), peer("duckdb"), peer("polars"),
            others.map { "\($0.name) \(value($0, item.unit))" }.joined(separator: ", "),
            bars.compactMap(ratio).joined(separator: ", "), bars.map(wanted).joined(separator: ", "),
            bars.map { $0.isMet ? "met" : "NOT MET" }.joined(separator: ", "), disk(item), peaks(item),
            answers.isEmpty ? "" : item.hasDifference ? "DIFFERENT" : OfflineFigures.same,
        ]
    }

    private func value(_ system: OfflineFigures.System, _ unit: OfflineFigures.Unit) -> String {
        guard !system.values.isEmpty else { return "failed" }
        let spread = Spread(system.values)
        let range = system.values.count == 1 ? "" : " (\(number(spread.min)) … \(number(spread.max)))"
        return "\(number(spread.median))\(range) \(unit.rawValue)\(system.way.map { " \($0)" } ?? "")"
    }

    /// Our own figures stand in their column already.
    private func ratio(_ bar: OfflineFigures.Bar) -> String? {
        guard let peer = bar.peer else { return nil }
        let spread = Spread(bar.measured)
        let range = bar.measured.count == 1 ? "" : " (\(number(spread.min)) … \(number(spread.max)))"
        return "\(peer) \(number(spread.median))\(range)"
    }

    private func wanted(_ bar: OfflineFigures.Bar) -> String {
        "\(bar.isAtMost ? "<=" : ">=") \(String(format: "%g", bar.wanted))\(bar.unit.map { " \($0.rawValue)" } ?? "")"
    }

    private func disk(_ item: OfflineFigures) -> String {
        item.onDisk.map { "\($0.name == OfflineRunner.headwaterName ? "H" : $0.name) \(number($0.megabytes))" }.joined(
            separator: " · ")
    }

    private func peaks(_ item: OfflineFigures) -> String {
        let letters = [OfflineRunner.headwaterName: "H", "duckdb": "D", "polars": "P"]
        return ([item.headwater] + item.peers).compactMap { system in
            system.peakMegabytes.map { "\(letters[system.name] ?? system.name) \(Int($0.rounded()))" }
        }.joined(separator: " · ")
    }

    private struct Document: Encodable {
        let rows: Int
        let keys: Int
        let spineRows: Int
        let rounds: Int
        let threads: Int
        let peersProblem: String?
        let offline: [OfflineFigures]
    }

    func json() throws -> String {
        try jsonDocument(
            Document(
                rows: settings.rows, keys: settings.keys, spineRows: settings.spineRows, rounds: settings.rounds,
                threads: threads,
                peersProblem: peersProblem, offline: figures))
    }
}
