import FeatureModel
import Testing

@testable import Wire

@Suite struct BodyTests {
    func cells(rows: Int, outputs: Int, times: Bool) throws -> Cells {
        let columns = try (0..<outputs).map { output in
            try Column(.int64, (0..<rows).map { .int64(Int64($0 * output)) })
        }
        let statuses = (0..<outputs).map { output in
            var statuses = StatusColumn()
            for row in 0..<rows { statuses.append(CellStatus(rawValue: UInt8((row + output) % 4))!) }
            return statuses
        }
        return Cells(
            rowCount: rows, columns: columns, statuses: statuses,
            eventTimes: times ? (0..<outputs).map { output in (0..<rows).map { Int64($0 - output) } } : [])
    }

    @Test(arguments: [0, 1, 3, 4, 5, 32, 33, 100]) func cellsRoundTrip(rows: Int) throws {
        for (outputs, times) in [(0, false), (1, true), (3, false), (3, true)] {
            let before = try cells(rows: rows, outputs: outputs, times: times)
            let bytes = before.encode()
            let after = try Cells(decoding: bytes[...], outputCount: outputs, eventTimes: times)
            #expect(after.statuses == before.statuses && after.eventTimes == before.eventTimes)
            #expect(after.rowCount == rows && after.columns.map(\.values) == before.columns.map(\.values))
            #expect(bytes.count % 8 == 0)
        }
    }

    @Test func cutOrExtendedCellsAreRefused() throws {
        let bytes = try cells(rows: 5, outputs: 2, times: false).encode()
        for count in 0..<bytes.count {
            #expect(throws: HeadwaterError.self) { try Cells(decoding: bytes.prefix(count), outputCount: 2) }
        }
        #expect(throws: HeadwaterError.self) { try Cells(decoding: (bytes + [0])[...], outputCount: 2) }
        #expect(throws: HeadwaterError.self) { try Cells(decoding: bytes[...], outputCount: 3) }
    }

    @Test func logRecordsRoundTripAndCutOnesAreRefused() throws {
        let records = (1...5).map { number in
            Record(
                position: UInt64(number * 3), ingestTime: Int64(number), stamp: ProducerStamp(producer: 1, epoch: 2, sequence: 3),
                kind: .data, body: Array(repeating: UInt8(number), count: number * 40)[...])
        }
        let bytes = LogRecords.encode(records)
        #expect(bytes.count == records.reduce(0) { $0 + LogRecords.encodedBytes($1) })
        let decoded = try LogRecords.decode(bytes[...])
        #expect(decoded.map(\.position) == records.map(\.position) && decoded.map(\.stamp) == records.map(\.stamp))
        #expect(zip(decoded, records).allSatisfy { $0.body.elementsEqual($1.body) })
        var boundary = 0
        let ends = Set(
            records.map {
                boundary += LogRecords.encodedBytes($0)
                return boundary
            } + [0])
        for count in 0..<bytes.count where !ends.contains(count) {
            #expect(throws: HeadwaterError.self) { try LogRecords.decode(bytes.prefix(count)) }
        }
    }
}
