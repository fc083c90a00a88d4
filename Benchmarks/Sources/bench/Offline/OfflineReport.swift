import BenchmarkLoad
import Foundation

/// What `bench offline` prints.
struct OfflineReport {
    let options: OfflineRunner.Options
    let hasPeers: Bool
    let figures: [OfflineFigures]

    private static let columns = ["work", "Headwater", "DuckDB", "Polars", "other", "ratio", "bar", "met", "answers", "peak MB"]

    func text() -> String {
        var lines = [
            "\(options.rows) rows of history, \(options.keys) keys, six float64 and four int64 features; \(options.spineRows) spine rows in no order;",
            "\(options.threads) threads each. Medians of \(options.rounds) alternating rounds with the least and the most; ratio: the best peer's median",
            "by ours, for rates the rate itself. Peak: memory that the work took beyond what was held before, ours and the best peer's.",
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
        if !hasPeers { lines += ["", "the peers are skipped: 'make bench-offline' installs them where PyPI is reachable"] }
        for item in figures {
            for (name, note) in item.notes.sorted(by: { $0.key < $1.key }) { lines += ["", "\(item.work), \(name): \(note)"] }
            for (name, failure) in item.failures.sorted(by: { $0.key < $1.key }) {
                lines += ["", "\(item.work), \(name): \(failure)"]
            }
            for (name, difference) in item.differences.sorted(by: { $0.key < $1.key }) {
                if let difference { lines += ["", "\(item.work), \(name): ANOTHER ANSWER: \(difference)"] }
            }
        }
        return lines.joined(separator: "\n")
    }

    private func row(_ item: OfflineFigures) -> [String] {
        func cell(_ values: [Double]?) -> String {
            guard let values, !values.isEmpty else { return "" }
            let spread = Spread(values)
            if values.count == 1 { return "\(number(spread.median)) \(item.unit.rawValue)" }
            return "\(number(spread.median)) (\(number(spread.min)) … \(number(spread.max))) \(item.unit.rawValue)"
        }
        // The better of its two ways.
        let duck = ["DuckDB Parquet", "DuckDB own"].compactMap { item.peers[$0] }
            .min { OfflineFigures.median($0) < OfflineFigures.median($1) }
        let other = item.peers.filter { !$0.key.hasPrefix("DuckDB") && $0.key != "Polars" }.sorted { $0.key < $1.key }
        let bar = [item.bar.map { ">= \(number($0))" }, item.limit.map { "<= \(number($0)) ms" }].compactMap { $0 }
        let answers =
            item.differences.isEmpty ? "" : item.differences.values.allSatisfy { $0 == nil } ? "same" : "ANOTHER"
        var peaks: [String] = []
        if let ours = item.peakMegabytes[OfflineFigures.headwaterName] { peaks.append(whole(ours)) }
        if let best = item.bestPeer, let theirs = item.peakMegabytes[best.name] { peaks.append(whole(theirs)) }
        return [
            item.work, cell(item.headwater), cell(duck), cell(item.peers["Polars"]),
            other.map { "\($0.key) \(cell($0.value))" }.joined(separator: ", "), item.measured.map(number) ?? "",
            bar.joined(separator: ", "), item.isMet.map { $0 ? "met" : "NOT MET" } ?? "", answers, peaks.joined(separator: " / "),
        ]
    }

    private func number(_ value: Double) -> String {
        value >= 100 ? String(format: "%.0f", value) : value >= 10 ? String(format: "%.1f", value) : String(format: "%.2f", value)
    }

    private func whole(_ value: Double) -> String { String(format: "%.0f", value) }

    private struct Document: Encodable {
        let rows: Int
        let keys: Int
        let spineRows: Int
        let threads: Int
        let offline: [OfflineFigures]
    }

    func json() throws -> String {
        try jsonDocument(
            Document(
                rows: options.rows, keys: options.keys, spineRows: options.spineRows, threads: options.threads, offline: figures))
    }
}
