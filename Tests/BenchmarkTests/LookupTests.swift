import BenchmarkLoad
import Foundation
import Testing

/// The core of `bench lookup` with tiny input, so that it does not rot. Figures come from `make bench-lookup`.
@Suite struct LookupTests {
    @Test func getsInsideTheProcessAreAnsweredFromMapAndSnapshot() throws {
        let directory = "/tmp/headwater-lookup-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let figures = try LookupRunner(rows: 500, batch: 20, rounds: 2, seconds: 0.05, directory: directory).run()
        #expect(figures.map(\.place) == [.map, .snapshot])
        #expect(figures.allSatisfy { $0.getsPerSecond.count == 2 && $0.getsPerSecond.allSatisfy { $0 > 0 } })
        #expect(
            figures.allSatisfy { $0.onePositionGetsPerSecond.count == 2 && $0.onePositionGetsPerSecond.allSatisfy { $0 > 0 } })
    }

    @Test(arguments: MicroWork.Piece.allCases) func piecesOfTheHotPathRun(piece: MicroWork.Piece) throws {
        let work = try MicroWork(piece, rows: 50, parentDirectory: "/tmp")
        for _ in 0..<200 { #expect(try work.once() >= 0) }
    }
}
