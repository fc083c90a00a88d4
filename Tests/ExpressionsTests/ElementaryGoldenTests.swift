import Expressions
import Foundation
import Testing

/// Each elementary function under its name in files and scripts.
let elementaryFunctions: [(name: String, inputs: Int, call: @Sendable ([Double]) -> Double)] = [
    ("exp", 1, { Elementary.exp($0[0]) }),
    ("ln", 1, { Elementary.ln($0[0]) }),
    ("log2", 1, { Elementary.log2($0[0]) }),
    ("log10", 1, { Elementary.log10($0[0]) }),
    ("log1p", 1, { Elementary.log1p($0[0]) }),
    ("pow", 2, { Elementary.pow($0[0], $0[1]) }),
    ("sin", 1, { Elementary.sin($0[0]) }),
    ("cos", 1, { Elementary.cos($0[0]) }),
    ("asin", 1, { Elementary.asin($0[0]) }),
    ("atan2", 2, { Elementary.atan2($0[0], $0[1]) }),
]

/// The bits of `Golden/elementary` never change; `scripts/elementary-golden` wrote them and says what stands in a line.
@Suite struct ElementaryGoldenTests {
    @Test(arguments: elementaryFunctions.indices)
    func everyBitIsThatOfTheGoldenFileAndWithinOneUnit(_ index: Int) throws {
        let function = elementaryFunctions[index]
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden/elementary")
        let text = try String(contentsOf: folder.appending(path: "\(function.name).txt"), encoding: .utf8)
        var greatest = 0.0
        var count = 0
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            let numbers = try fields.prefix(function.inputs + 1).map { Double(bitPattern: try #require(UInt64($0, radix: 16))) }
            let distance = try #require(Double(fields[function.inputs + 1])) / 65536
            let difference = fields.count > function.inputs + 2 ? try #require(Int64(fields[function.inputs + 2])) : 0
            let rounded = numbers[function.inputs].bitPattern
            // A difference counts away from zero in the bits of a positive number, and towards it in those of a negative one.
            let expected = rounded < 1 << 63 ? Int64(rounded) + difference : Int64(bitPattern: rounded) - difference
            let result = function.call(Array(numbers.dropLast()))
            if result.bitPattern != UInt64(bitPattern: expected) {
                Issue.record("\(function.name) \(line): \(String(result.bitPattern, radix: 16))")
            }
            let nearest = numbers[function.inputs]
            let error = difference == 0 ? distance : (result - nearest) / nearest.ulp - distance
            greatest = max(greatest, abs(error))
            count += 1
        }
        #expect(count >= 2000)
        #expect(greatest < 1)
        print("\(function.name): \(count) lines, the greatest error is \(greatest) units in the last place")
    }
}

/// Where a script compares many inputs, it asks this test for what the functions give.
@Suite struct ElementaryScriptTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test(.enabled(if: environment["HEADWATER_ELEMENTARY"] != nil))
    func elementaryFunctionsAnswerAScript() throws {
        let name = Self.environment["HEADWATER_ELEMENTARY"]
        let folder = URL(fileURLWithPath: try #require(Self.environment["HEADWATER_ELEMENTARY_FOLDER"]))
        let function = try #require(elementaryFunctions.first { $0.name == name })
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "input")))
        var numbers: [Double] = []
        var output: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 8) {
            var bits: UInt64 = 0
            for byte in bytes[start..<start + 8].reversed() { bits = bits << 8 | UInt64(byte) }
            numbers.append(Double(bitPattern: bits))
            if numbers.count < function.inputs { continue }
            let result = function.call(numbers).bitPattern
            for shift in stride(from: UInt64(0), to: 64, by: 8) { output.append(UInt8(truncatingIfNeeded: result >> shift)) }
            numbers.removeAll(keepingCapacity: true)
        }
        try Data(output).write(to: folder.appending(path: "output"))
    }
}
