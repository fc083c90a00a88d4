import BenchmarkLoad
import Foundation
import Testing

/// The core of `bench offline` with tiny input, against a walk over all rows; beside its peers where a Python has their packages.
@Suite struct OfflineTests {
    @Test func joinsAndScansOfTinyTablesAreRight() throws {
        try withPlace { place in
            let table = try OfflineTable(
                name: "h", rows: 25_000, keys: 50, distribution: .zipf, differentTimes: 400, seed: 1, directory: place)
            let spine = try OfflineTable(spine: "s", rows: 300, keys: 60, seed: 2, directory: place)
            let stand = try OfflineStand(directory: place, tables: [table], threads: 2)
            defer { stand.close() }
            #expect(try stand.load(table, rowsPerFlush: 10_000).rows == 25_000)
            let expected = try greatestRows(table, spine)
            let features = ["h_f0", "h_i3"]
            let times = try table.words("event_time")
            for isCompacted in [false, true] {
                if isCompacted { _ = try stand.compact() }
                let group = OfflineRequest.Group(name: "h", features: features)
                #expect(try stand.join(OfflineStand.Spine(spine), [group], output: place).rows == 300)
                for feature in features {
                    let cells = try words("\(place)/\(feature).bin")
                    let isThere = try Data(contentsOf: URL(fileURLWithPath: "\(place)/\(feature).valid"))
                    let words = try table.words(feature)
                    for row in 0..<300 {
                        #expect((isThere[row] == 1) == (expected[row] != nil))
                        #expect(cells[row] == expected[row].map { words[$0] } ?? 0)
                    }
                }
                #expect(try stand.scan("h", features: ["h_f0"]).rows == 25_000)
                let half = try stand.scan(
                    "h", features: ["h_f0"], start: OfflineTable.firstTime, end: OfflineTable.middleTime)
                #expect(half.rows == times.count { $0 < OfflineTable.middleTime })
            }
            #expect(stand.chunkBytes("h") > 0)
        }
    }

    @Test func everyWorkIsDoneAndAnsweredAsPeersDo() throws {
        try withPlace { place in
            var settings = OfflineSettings()
            (settings.rows, settings.keys, settings.spineRows, settings.rounds, settings.chunks) = (4_000, 50, 300, 1, 10)
            let python = Self.pythonWithPeers()
            // Each work starts a process of each peer twice: with them only what differs most.
            if python != nil {
                settings.only = [
                    "flush", "amplification", "order of arrival", "compaction", "size", "3 groups", "quarter", "socket", "p99",
                ]
            }
            let runner = OfflineRunner(
                settings, place: place, peersProblem: python == nil ? "no Python here has their packages" : nil, note: { _ in }
            ) { name in
                if name == OfflineRunner.headwaterName { return HeadwaterOffline(threads: 2) }
                if name == OfflineRunner.socketName { return HeadwaterSocket(binary: WriteLoadTests.binary, place: place) }
                return try SystemProcess([python!, "Benchmarks/peers/offline_peers.py", name, "2"])
            }
            try runner.run()
            #expect((runner.peersProblem == nil) == (python != nil))
            #expect(runner.figures.count == (python == nil ? 17 : 10))
            for item in runner.figures {
                #expect(item.headwater.values.count == 1 && item.headwater.values.allSatisfy { $0 > 0 }, "\(item.work)")
                #expect(
                    item.onDisk.count == (python == nil ? 1 : 2) && item.onDisk.allSatisfy { $0.megabytes > 0 }, "\(item.work)")
                for peer in item.peers {
                    #expect(peer.failure == nil, "\(item.work)")
                    #expect(peer.answer == nil || peer.answer == OfflineFigures.same, "\(item.work)")
                }
            }
        }
    }

    @Test func anAnswerThatDiffersInOneCellIsFound() throws {
        try withPlace { place in
            let (ours, theirs) = (try AnswerFiles("\(place)/ours"), try AnswerFiles("\(place)/theirs"))
            func write(_ files: AnswerFiles, _ cells: [UInt8], _ isThere: [UInt8]) throws {
                let data = Data(cells.flatMap { [$0, 0, 0, 0, 0, 0, 0, 0] })
                try data.write(to: URL(fileURLWithPath: "\(files.directory)/f.bin"))
                try Data(isThere).write(to: URL(fileURLWithPath: "\(files.directory)/f.valid"))
            }
            try write(ours, [1, 2, 0], [1, 1, 0])
            for (cells, isThere, expected) in [
                ([1, 2, 0], [1, 1, 0], "same"), ([1, 3, 0], [1, 1, 0], "1 cells differ, first f of row 1: 0x3, not 0x2"),
                ([1, 2, 0], [1, 1, 1], "1 cells differ, first f of row 2: 0x0, not null"), ([1, 2], [1, 1], "2 rows, not 3"),
            ] as [([UInt8], [UInt8], String)] {
                try write(theirs, cells, isThere)
                #expect(try ours.compared(to: theirs, ["f"]) == expected)
            }
        }
    }

    private func withPlace(_ body: (String) throws -> Void) throws {
        let place = "/tmp/headwater-offline-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try body(place)
    }

    /// The benchmark's own, or the system's where it has what is needed.
    static func pythonWithPeers() -> String? {
        let system = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
        return (["Benchmarks/.build/peers/bin/python"] + system).first { path in
            guard FileManager.default.isExecutableFile(atPath: path) else { return false }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = ["-c", "import duckdb, polars, pandas, pyarrow, numpy"]
            process.standardError = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return false }
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
    }

    /// By spine row the last written of the table's rows with the greatest time up to its own.
    private func greatestRows(_ table: OfflineTable, _ spine: OfflineTable) throws -> [Int?] {
        let (keys, times) = (try table.words("key"), try table.words("event_time"))
        return try zip(spine.words("key"), spine.words("event_time")).map { key, time in
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
