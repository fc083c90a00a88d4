import FeatureModel
import Foundation
import TestSupport
import Testing

/// What streams of history and scans carry is Arrow's memory layout: pyarrow itself reads it, where it lies.
@Suite struct ArrowLayoutTests {
    @Test(.enabled(if: OfflineTests.pythonWithPeers() != nil, "no Python here has pyarrow"), arguments: [0, 1, 13, 64])
    func pyarrowReadsEveryTypeWithoutACopy(rows: Int) throws {
        var random = SplitMix64(seed: UInt64(rows) + 5)
        // With nulls, without, and with nothing else.
        let columns = [0.3, 0, 1].flatMap { nulls in everyType.map { random.column($0, count: rows, nulls: nulls) } }
        let batch = Batch(rowCount: rows, columns: columns.enumerated().map { ($0.offset, $0.element) })
        let path = NSTemporaryDirectory() + "headwater-batch-\(UInt32.random(in: .min ... .max))"
        try Data(batch.bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: OfflineTests.pythonWithPeers()!)
        process.arguments = ["Benchmarks/peers/arrow_batch.py", path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { String($0) }
        let expected = columns.flatMap { column in column.values.map { self.text($0) } }
        #expect(lines.count == expected.count)
        if let at = zip(lines, expected).enumerated().first(where: { $0.element.0 != $0.element.1 }) {
            Issue.record("line \(at.offset): \(at.element.0), not \(at.element.1)")
        }
    }

    private func text(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int32(let value): "\(value)"
        case .int64(let value), .timestamp(let value): "\(value)"
        case .float32(let value): hex(bigEndian: value.bitPattern)
        case .float64(let value): hex(bigEndian: value.bitPattern)
        case .string(let value), .bytes(let value): value.bytes.map { hex(bigEndian: $0) }.joined()
        case .array(let values): "[" + values.map { text($0) }.joined(separator: ",") + "]"
        case .vector(let values): "[" + values.map { hex(bigEndian: $0.bitPattern) }.joined(separator: ",") + "]"
        }
    }

    private func hex(bigEndian value: some FixedWidthInteger) -> String {
        value.zeroPadded(to: value.bitWidth / 4, radix: 16)
    }
}
