import Expressions
import FeatureModel
import Foundation
import TestSupport
import Testing

/// The bits of a sum and of both variances, computed in several orders; nil where there is no variance.
private struct ExactResults: Equatable {
    var sum: UInt64
    var variance: UInt64?
    var populationVariance: UInt64?

    init(sum: UInt64, variance: UInt64?, populationVariance: UInt64?) {
        self.sum = sum
        self.variance = variance
        self.populationVariance = populationVariance
    }

    /// Adds the values one by one, and as shuffled parts that are merged with others, which are taken away again.
    init(_ values: [Double], _ random: inout SplitMix64) {
        var sum = ExactSum()
        var squares = ExactProductSum()
        for value in values {
            sum.add(value)
            squares.addSquare(value)
        }
        var otherSum = ExactSum()
        var otherSquares = ExactProductSum()
        var extra = ExactSum()
        var extraSquares = ExactProductSum()
        let shuffled = values.shuffled(using: &random)
        let cut = random.int(0...values.count)
        for part in [shuffled[cut...], shuffled[..<cut]] {
            var partSum = ExactSum()
            var partSquares = ExactProductSum()
            let more = random.pick([0.1, -1e300, 0x1p-1074, .nan, .infinity])
            for value in part + [more] {
                partSum.add(value)
                partSquares.addSquare(value)
            }
            extra.add(more)
            extraSquares.addSquare(more)
            if random.chance(0.3) { partSum.compact() }
            otherSum.merge(partSum)
            otherSquares.merge(partSquares)
        }
        otherSum.subtract(extra)
        otherSquares.subtract(extraSquares)
        #expect(otherSum == sum && otherSquares == squares, "\(values)")
        let count = Int64(values.count)
        self.sum = otherSum.rounded.bitPattern
        variance = ExactVariance.of(count: count, sum: otherSum, squares: otherSquares)?.bitPattern
        populationVariance = ExactVariance.of(count: count, sum: otherSum, squares: squares, population: true)?.bitPattern
        #expect(self.sum == sum.rounded.bitPattern)
    }
}

@Suite struct ExactSumGoldenTests {
    @Test func sumsAndVariancesAreThoseOfTheGoldenFile() throws {
        // `scripts/exact-sums` wrote it with Python's math.fsum and fractions.
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden/sums.txt")
        var random = SplitMix64(seed: 1)
        var count = 0
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            let values = try fields.prefix { $0 != "|" }.map { Double(bitPattern: try #require(UInt64($0, radix: 16))) }
            let results = fields.suffix(3).map { UInt64($0, radix: 16) }
            let expected = ExactResults(
                sum: try #require(results[0]), variance: results[1], populationVariance: results[2])
            #expect(ExactResults(values, &random) == expected, "\(line)")
            count += 1
        }
        #expect(count == 1000)
    }

    /// Where a script compares many cases, it asks this test for what the sums give.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["HEADWATER_EXACT_SUMS_FOLDER"] != nil))
    func exactSumsAnswerAScript() throws {
        let path = try #require(ProcessInfo.processInfo.environment["HEADWATER_EXACT_SUMS_FOLDER"])
        let folder = URL(fileURLWithPath: path)
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "input")))[...]
        var random = SplitMix64(seed: 1)
        var output: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            let count: UInt64 = bytes.littleEndian(at: offset)
            let values = (0..<Int(count)).map { Double(bitPattern: bytes.littleEndian(at: offset + 8 + 8 * $0)) }
            offset += 8 + 8 * values.count
            let results = ExactResults(values, &random)
            // A NaN that no result is stands for none.
            for result in [results.sum, results.variance, results.populationVariance] {
                output.append(littleEndian: result ?? 0x7FF8_0000_0000_0001)
            }
        }
        try Data(output).write(to: folder.appending(path: "output"))
    }
}
