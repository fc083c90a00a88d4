import BenchmarkLoad
import Foundation
import Testing

/// The core of `bench offline` with tiny input, against a walk over all rows.
@Suite struct OfflineTests {
    @Test func joinsAndScansOfTinyTablesAreRight() throws {
        let directory = "/tmp/headwater-offline-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let table = OfflineTable(name: "h", rows: 25_000, keys: 50, distribution: .zipf, differentTimes: 400, seed: 1)
        let spine = OfflineTable(spine: "s", rows: 300, keys: 60, seed: 2)
        let stand = try OfflineStand(directory: directory, tables: [table], threads: 2)
        defer { stand.close() }
        #expect(try stand.load(table, rowsPerFlush: 10_000).rows == 25_000)
        let expected = greatestRows(table, spine)
        for isCompacted in [false, true] {
            if isCompacted { _ = try stand.compact() }
            let figures = try stand.join(spine, [.init(name: "h", features: ["h_f0", "h_i3"])], output: directory)
            #expect(figures.rows == 300)
            for feature in ["h_f0", "h_i3"] {
                let cells = try words("\(directory)/\(feature).bin")
                let isThere = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(feature).valid"))
                let words = table.words(feature)
                for row in 0..<300 {
                    #expect((isThere[row] == 1) == (expected[row] != nil))
                    #expect(cells[row] == expected[row].map { words[$0] } ?? 0)
                }
            }
            #expect(try stand.scan("h", features: ["h_f0"]).rows == 25_000)
            let half = try stand.scan("h", features: ["h_f0"], start: OfflineTable.firstTime, end: OfflineTable.middleTime).rows
            #expect(half == table.words("event_time").count { $0 < OfflineTable.middleTime })
        }
        #expect(stand.chunkBytes("h") > 0)
    }

    /// Without the socket, and without peers where nobody has installed them.
    @Test func everyWorkRunsWithTinyInputAndGivesThePeersAnswers() throws {
        let place = "/tmp/headwater-offline-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        var options = OfflineRunner.Options()
        (options.rows, options.keys, options.spineRows, options.rounds) = (20_000, 300, 500, 2)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Benchmarks").path
        let python = "\(root)/.build/peers/bin/python"
        let peers =
            FileManager.default.isExecutableFile(atPath: python)
            ? try PeerProcess(python: python, script: "\(root)/peers/offline.py", threads: 2) : nil
        let runner = OfflineRunner(options, place: place, peers: peers) { _ in }
        try runner.run()
        #expect(runner.figures.count == (peers == nil ? 11 : 12))
        for work in runner.figures {
            #expect(work.headwater.count == (work.unit == .milliseconds ? 2 : 1) && work.headwater.allSatisfy { $0 > 0 })
            #expect(work.failures.isEmpty && work.differences.values.allSatisfy { $0 == nil }, "\(work)")
        }
    }

    /// By spine row the last written of the table's rows with the greatest time up to its own.
    private func greatestRows(_ table: OfflineTable, _ spine: OfflineTable) -> [Int?] {
        let (keys, times) = (table.words("key"), table.words("event_time"))
        return zip(spine.words("key"), spine.words("event_time")).map { key, time in
            (0..<table.rowCount).filter { keys[$0] == key && times[$0] <= time }.max { (times[$0], $0) < (times[$1], $1) }
        }
    }

    private func words(_ path: String) throws -> [Int64] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return stride(from: 0, to: data.count, by: 8).map { at in
            (0..<8).reduce(Int64(0)) { $0 | Int64(data[at + $1]) << Int64(8 * $1) }
        }
    }
}
