import Engine
import FeatureModel
import Testing
import Wire

@testable import Server

@Suite struct WorkTests {
    @Test func piecesHoldAllRowsAndFitTheTarget() throws {
        var wide = ColumnBuilder(.string)
        var numbers = ColumnBuilder(.array(.string))
        var flags = ColumnBuilder(.bool)
        for row in 0..<40_000 {
            wide.append(text: [UInt8](repeating: 65, count: row % 1_000 == 7 ? 300_000 : 3)[...])
            try numbers.append(.array([.string(ByteString("a")), .string(ByteString("bcd"))]))
            flags.append(bool: row % 2 == 0)
        }
        let columns = [wide.finish(), numbers.finish(), flags.finish()]
        var next = 0
        for range in RowPieces(columns, rowCount: 40_000) {
            #expect(range.lowerBound == next && !range.isEmpty)
            next = range.upperBound
            let batch = Batch(rowCount: range.count, columns: columns.enumerated().map { ($0.offset, $0.element.slice(range)) })
            #expect(range.count == 1 || batch.bytes.count <= WireLimits.rowsFrameBytesTarget + 4_096)
            #expect(range.count <= RowPieces.rowsMax)
        }
        #expect(next == 40_000)
        var none = RowPieces(columns.map { $0.gather([Int]()) }, rowCount: 0)
        #expect(none.next() == nil)
    }

    @Test func rowsOfManyColumnsGoSeveralTogether() {
        var numbers = ColumnBuilder(.float64)
        for row in 0..<1_000 { numbers.append(float64: Double(row)) }
        let columns = Array(repeating: numbers.finish(), count: 1_000)
        let pieces = Array(RowPieces(columns, rowCount: 1_000))
        #expect(pieces.dropLast().allSatisfy { $0.count >= 32 })
        #expect(pieces.allSatisfy { rows in columns.reduce(0) { $0 + $1.byteCount(of: rows) } <= 1 << 20 })
        #expect(pieces.flatMap { Array($0) } == Array(0..<1_000))
    }

    @Test func aRowLargerThanAFrameGoesAlone() {
        var wide = ColumnBuilder(.bytes)
        for _ in 0..<3 { wide.append(text: [UInt8](repeating: 0, count: 2 << 20)[...]) }
        #expect(Array(RowPieces([wide.finish()], rowCount: 3)) == [0..<1, 1..<2, 2..<3])
    }

    @Test func recordsAreCutByTheirSize() {
        let records = [10, 1 << 20, 20, 30].enumerated().map { index, size in
            Record(
                position: Position(index + 1), ingestTime: 0, stamp: ProducerStamp(producer: 0, epoch: 0, sequence: 0),
                kind: .data,
                body: [UInt8](repeating: 0, count: size)[...])
        }
        #expect(FollowSource.cut(records).map { $0.map(\.position) } == [[1], [2], [3, 4]])
        #expect(FollowSource.cut([]).isEmpty)
    }

    @Test func aBudgetIsSharedAndGivenBack() throws {
        let budget = MemoryBudget(bytesMax: 100)
        let first = MemoryLease(budget)
        #expect(first.grow(by: 60))
        do {
            let second = MemoryLease(budget)
            #expect(!second.grow(by: 41) && second.grow(by: 40))
            let error = #expect(throws: HeadwaterError.self) { try second.need(1, for: "it") }
            #expect(error?.code == .resourceExhausted)
            second.shrink(to: 10)
            #expect(first.grow(by: 30))
        }
        #expect(first.grow(by: 10) && !first.grow(by: 1))
        // Less than is held: nobody gets more until it is kept.
        budget.bytesMax = 50
        #expect(!first.grow(by: 1) && !first.takeShare(4, 1...10) && budget.takenBytes == 100)
        first.shrink(to: 45)
        #expect(first.grow(by: 5) && !first.grow(by: 1))
        budget.bytesMax = 60
        #expect(first.takeShare(4, 10...20) && budget.takenBytes == 60)
    }
}
