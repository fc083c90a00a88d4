import Benchmark
import BenchmarkLoad
import Foundation

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput], warmupIterations: 10, scalingFactor: .kilo, maxDuration: .seconds(2))
    for piece in MicroWork.Piece.allCases {
        Benchmark(piece.rawValue) { benchmark, work in
            for _ in benchmark.scaledIterations { blackHole(try work.once()) }
        } setup: {
            try MicroWork(piece, rows: 1_000_000, parentDirectory: FileManager.default.temporaryDirectory.path)
        }
    }
}
