@testable import BenchmarkLoad
import FeatureModel
import Testing

/// Bodies of prepared gets, written out by hand as docs/formats/wire.md has them.
@Suite struct PackedBodyTests {
    private func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + Array(repeating: 0, count: (8 - bytes.count % 8) % 8) }
    private func words(_ numbers: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in numbers { bytes.append(littleEndian: number) }
        return bytes
    }

    @Test func aRequestHoldsItsKeys() throws {
        let frame = PackedBody.request([[5, -1, 7], [1, 2, 3]])
        #expect(frame.count == PackedBody.requestBytes(rows: 3, keys: 2))
        let decoded = try PackedBody.decode(FrameParts.parts(frame).body, types: [.int64, .int64])
        #expect(decoded.rows == 3 && decoded.statuses.isEmpty)
        #expect(decoded.columns[0].values == [.int64(5), .int64(-1), .int64(7)])
        #expect(decoded.columns[1].values == [.int64(1), .int64(2), .int64(3)])
    }

    @Test func cellsOfEveryShapeAreRead() throws {
        var body: [UInt8] = []
        body.append(littleEndian: UInt64(77))
        body += words([3, 1])
        // Statuses: the second cell of the string column is null.
        body += padded([0, 0b0000_0100, 0, 0, 0])
        body += padded([0b101])  // bool
        body += padded(words([0, 2, 2, 5])) + padded(Array("abcde".utf8))  // string
        body += padded(words([1, 2, 3]))  // int32
        // array(string): [x, null], [], [yz]
        body +=
            padded(words([0, 2, 2, 3])) + words([1, 0]) + padded([0b101]) + padded(words([0, 1, 1, 3]))
            + padded(Array("xyz".utf8))
        body += padded(words([Float(1), 2, 3, 4, 5, 6].map(\.bitPattern)))  // vector(2)
        let types: [FeatureType] = [.bool, .string, .int32, .array(.string), .vector(2)]
        let decoded = try PackedBody.decode(body[...], types: types)
        #expect(decoded.columns[0].values == [.bool(true), .bool(false), .bool(true)])
        #expect(decoded.columns[1].values == [.string("ab"), .string(""), .string("cde")])
        #expect(decoded.statuses[1][1] == .nullValue && decoded.statuses[1][2] == .present)
        #expect(decoded.columns[2].values == [.int32(1), .int32(2), .int32(3)])
        #expect(decoded.columns[3].values == [.array([.string("x"), .null]), .array([]), .array([.string("yz")])])
        #expect(decoded.columns[4].values == [.vector([1, 2]), .vector([3, 4]), .vector([5, 6])])
        #expect(throws: HeadwaterError.self) { try PackedBody.decode(body.dropLast(8), types: types) }
    }
}
