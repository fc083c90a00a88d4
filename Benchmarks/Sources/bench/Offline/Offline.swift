import ArgumentParser
import BenchmarkLoad
import Foundation

struct Offline: ParsableCommand {
    @Option var rows = 10_000_000
    @Option var keys = 100_000
    @Option var spineRows = 1_000_000
    @Option var rounds = 3
    @Option var threads = 2
    @Option var directory = "/tmp/ob/hw"

    func run() throws {
        try? FileManager.default.removeItem(atPath: directory)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let table = OfflineTable(name: "h", rows: rows, keys: keys, seed: 1)
        let spine = OfflineTable(spine: "s", rows: spineRows, keys: keys, seed: 2)
        let tiny = OfflineTable(spine: "t", rows: 10, keys: keys, seed: 3)
        let stand = try OfflineStand(directory: directory, tables: [table], threads: threads)
        let load = try stand.load(table, rowsPerFlush: rows / 100)
        print("flush \(load.flushSeconds) s \(Double(load.rows) / load.flushSeconds / 1e6) M rows/s, \(stand.chunkBytes("h")) bytes")
        func joins(_ label: String) throws {
            for _ in 0..<rounds { print("\(label) join 10", try stand.join(spine, [.init(name: "h")]).seconds) }
            for _ in 0..<rounds { print("\(label) join 1", try stand.join(spine, [.init(name: "h", features: ["h_f0"])]).seconds) }
            for _ in 0..<rounds { print("\(label) tiny", try stand.join(tiny, [.init(name: "h")]).seconds) }
        }
        try joins("100 chunks")
        let seconds = try stand.compact()
        print("compact \(seconds) s \(Double(rows) / seconds / 1e6) M rows/s, \(stand.chunkBytes("h")) bytes")
        try joins("compacted")
        for _ in 0..<rounds { print("scan", try stand.scan("h", features: nil).seconds) }
    }
}
