import ArgumentParser
import BenchmarkLoad
import Foundation

/// Temporary.
struct History: ParsableCommand {
    @OptionGroup var options: BenchOptions
    @Option var rows = 10_000_000
    @Option var spineRows = 1_000_000
    @Option var rounds = 5

    func run() throws {
        try options.withPlace { place in
            let table = OfflineTable(name: "h", rows: rows, keys: 100_000, seed: 1)
            let spine = OfflineTable(spine: "spine", rows: spineRows, keys: 100_000, seed: 2)
            let server = try HistoryServer(binary: options.headwater, directory: place, tables: [table])
            let a = Date()
            try server.load(table)
            print("load", Date().timeIntervalSince(a))
            let b = Date()
            try server.compact()
            print("compact", Date().timeIntervalSince(b))
            for _ in 0..<rounds {
                server.process.resetPeakMemory()
                print(try server.join(spine, table).seconds, server.process.memory().peak >> 20)
            }
            server.stop()
        }
    }
}
