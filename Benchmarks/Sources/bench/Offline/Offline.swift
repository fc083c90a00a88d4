import ArgumentParser
import BenchmarkLoad
import Foundation

/// The offline store inside the process: flush, compaction, joins and scans.
struct Offline: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Flush, compaction, point-in-time joins and scans of made-up history inside the process; no peers yet.")

    @Option(help: "Rows of history: an int64 key, a time, six float64 and four int64.")
    var rows = 10_000_000

    @Option(help: "Different keys.")
    var keys = 100_000

    @Option(help: "Rows of the spine, in no order.")
    var spineRows = 1_000_000

    @Option(help: "Rounds.")
    var rounds = 5

    @Option(help: "Threads of a join.")
    var threads = 2

    @Option(help: "A directory for the data.")
    var directory = "/tmp"

    @Option(help: "Only reads whose name has this in it.")
    var only = ""

    @Flag(help: "Print one JSON document instead of the table.")
    var json = false

    private static let chunks = 100

    private struct Line: Encodable {
        let work: String
        let seconds: Spread
        let rowsPerSecond: Double
        let bytes: Int?
    }

    func validate() throws {
        guard rows >= Self.chunks, keys > 0, spineRows > 0, rounds > 0, threads > 0 else {
            throw ValidationError("rows are at least \(Self.chunks); keys, spine rows, rounds and threads are above zero")
        }
    }

    func run() throws {
        let place = "\(directory)/headwater-offline-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        note("making \(rows) rows")
        let table = OfflineTable(name: "h", rows: rows, keys: keys, seed: 1)
        let stand = try OfflineStand(directory: place, tables: [table], threads: threads)
        defer { stand.close() }
        note("loading")
        let load = try stand.load(table, rowsPerFlush: rows / Self.chunks)
        var lines = [
            Line(
                work: "flush, one thread", seconds: Spread([load.flushSeconds]), rowsPerSecond: Double(rows) / load.flushSeconds,
                bytes: stand.chunkBytes(table.name))
        ]
        lines += try reads(stand, table, "\(Self.chunks) chunks")
        note("compacting")
        let seconds = try stand.compact()
        lines.append(
            Line(
                work: "compaction of all at once, one thread", seconds: Spread([seconds]), rowsPerSecond: Double(rows) / seconds,
                bytes: stand.chunkBytes(table.name)))
        lines += try reads(stand, table, "compacted")
        print(json ? try jsonDocument(["offline": lines]) : text(lines))
    }

    private func reads(_ stand: OfflineStand, _ table: OfflineTable, _ state: String) throws -> [Line] {
        note("reading, \(state)")
        let spine = OfflineTable(spine: "spine", rows: spineRows, keys: keys, seed: 2)
        let tiny = OfflineTable(spine: "tiny", rows: 10, keys: keys, seed: 3)
        let middle = (OfflineTable.firstTime + OfflineTable.middleTime) / 2
        let one = [table.featureNames[0]]
        let lines: [Line?] = [
            try measure("join, \(state)") { try stand.join(spine, [.init(name: table.name)]) },
            try measure("join of one feature, \(state)") { try stand.join(spine, [.init(name: table.name, features: one)]) },
            try measure("join of ten spine rows, \(state)") { try stand.join(tiny, [.init(name: table.name)]) },
            try measure("scan, one thread, \(state)") { try stand.scan(table.name, features: nil) },
            try measure("scan of a quarter of the times, one feature, \(state)") {
                try stand.scan(table.name, features: one, start: OfflineTable.firstTime, end: middle)
            },
        ]
        return lines.compactMap { $0 }
    }

    private func measure(_ work: String, _ body: () throws -> OfflineStand.WorkFigures) throws -> Line? {
        guard only.isEmpty || work.contains(only) else { return nil }
        let figures = try (0..<rounds).map { _ in try body() }
        let spread = Spread(figures.map(\.seconds))
        return Line(work: work, seconds: spread, rowsPerSecond: Double(figures[0].rows) / spread.median, bytes: nil)
    }

    private func note(_ what: String) { FileHandle.standardError.write(Data("\(what)\n".utf8)) }

    private func text(_ lines: [Line]) -> String {
        var text = [
            "\(rows) rows of history, \(keys) keys, 10 features; \(spineRows) spine rows; joins on \(threads) threads.",
            "Milliseconds, median (min … max) of \(rounds) rounds; M rows/s: of the history written or scanned, or of the spine.",
        ]
        for line in lines {
            func milliseconds(_ seconds: Double) -> String { String(format: "%.1f", seconds * 1e3) }
            let time =
                "\(milliseconds(line.seconds.median)) (\(milliseconds(line.seconds.min)) … \(milliseconds(line.seconds.max)))"
            let bytes = line.bytes.map { "  \($0) bytes" } ?? ""
            let work = line.work.padding(toLength: 64, withPad: " ", startingAt: 0)
            text.append(
                work + time.padding(toLength: 34, withPad: " ", startingAt: 0) + String(format: "%.3f", line.rowsPerSecond / 1e6)
                    + bytes)
        }
        return text.joined(separator: "\n")
    }
}
