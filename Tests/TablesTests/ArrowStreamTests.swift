import FeatureModel
import Tables
import TestSupport
import Testing

/// What stands in an Arrow stream, as a reader of Arrow's format finds it. That Arrow's own readers find the same is shown by the
/// Python tests of the command line (`test_command_arrow.py`).
@Suite struct ArrowStreamTests {
    private struct Stream {
        let writer: ArrowStreamWriter
        var bytes: [UInt8] = []

        init(_ names: [String], _ types: [OutputType]) {
            writer = ArrowStreamWriter(names: names, types: types)
            writer.appendHeader(to: &bytes)
        }

        mutating func append(_ columns: [OutputColumn], rowCount: Int) { writer.append(columns, rowCount: rowCount, to: &bytes) }

        func read() throws -> ArrowStreamReader {
            var whole = bytes
            writer.appendEnd(to: &whole)
            return try ArrowStreamReader(whole)
        }
    }

    @Test(arguments: testSeeds)
    func everyTypeComesBackInEveryShape(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let types = everyType
        var stream = Stream(types.map(\.description), types.map { .cells($0) })
        var wanted: [[Column]] = []
        for rowCount in [0, 1, 7, 8, 9, 64, 65, random.int(0...300)] {
            for nulls in [0, 0.3, 1] {
                let columns = types.map { random.column($0, count: rowCount, nulls: nulls) }
                // And some rows of them, whose offsets and bits are moved.
                let first = random.int(0...rowCount)
                let rows = first..<random.int(first...rowCount)
                for part in [columns, columns.map { $0.slice(rows) }] {
                    stream.append(part.map { .cells($0) }, rowCount: part[0].count)
                    wanted.append(part)
                }
            }
        }
        let read = try stream.read()
        #expect(read.columns.map(\.name) == types.map(\.description))
        #expect(read.columns.map(\.type) == types)
        #expect(read.dictionary == nil)
        #expect(read.batches.count == wanted.count)
        for (batch, columns) in zip(read.batches, wanted) {
            #expect(batch.rowCount == columns[0].count)
            for (found, column) in zip(batch.cells, columns) {
                #expect(found.hasSameBuffers(as: column), "\(column.type), \(column.count) cells")
            }
        }
        #expect(read.bodies.allSatisfy { $0 % 64 == 0 })
    }

    @Test func statusesShareOneDictionaryOfTheirTexts() throws {
        var random = SplitMix64(seed: 5)
        let outcomes = (0..<2).map { _ in (0..<13).map { _ in random.pick(CellStatus.allCases) } }
        var stream = Stream(["a", "a__status", "b__status"], [.cells(.int32), .statuses, .statuses])
        let cells = random.column(.int32, count: 13)
        let statuses = outcomes.map { outcomes in
            var column = StatusColumn()
            for outcome in outcomes { column.append(outcome) }
            return column
        }
        stream.append([.cells(cells), .statuses(statuses[0]), .statuses(statuses[1])], rowCount: 13)
        let read = try stream.read()
        #expect(read.columns.map(\.isEncoded) == [false, true, true])
        #expect(read.columns.map(\.type) == [.int32, .string, .string])
        let texts = try #require(read.dictionary).values
        #expect(texts == CellStatus.allCases.map { .string(ByteString($0.description)) })
        let batch = try #require(read.batches.first)
        for (column, wanted) in zip(batch.cells.dropFirst(), outcomes) {
            #expect(column.nullCount == 0)
            #expect(Array(column.data) == wanted.map(\.rawValue))
        }
    }

    @Test func validityIsThereOnlyWhereSomethingIsNull() throws {
        // Bits that say that nothing is null may come from outside.
        let full = Column(type: .int32, count: 3, nullCount: 0, validity: [7], data: [UInt8](repeating: 1, count: 12)[...])
        var stream = Stream(["a"], [.cells(.int32)])
        stream.append([.cells(full)], rowCount: 3)
        let cells = try #require(try stream.read().batches.first?.cells.first)
        #expect(cells.validity.isEmpty && cells.nullCount == 0)
        #expect(cells.data == full.data)
    }

    @Test func aStreamMayHaveNoRowsAndNoColumns() throws {
        let none = try Stream(["a", "é\u{0}"], [.cells(.array(.string)), .statuses]).read()
        #expect(none.batches.isEmpty && none.columns.map(\.name) == ["a", "é\u{0}"])
        var stream = Stream([], [])
        stream.append([], rowCount: 5)
        let read = try stream.read()
        #expect(read.columns.isEmpty && read.batches.map(\.rowCount) == [5])
    }

    @Test func buffersAreHandedOnWithoutACopy() {
        let column = Column(type: .float64, count: 1000, nullCount: 0, data: [UInt8](repeating: 1, count: 8000)[...])
        let pieces = ArrowStreamWriter(names: ["x"], types: [.cells(.float64)]).batch([.cells(column)], rowCount: 1000)
        #expect(pieces.contains { piece in piece.withBytes { bytes in column.data.withBytes { $0.isIdentical(to: bytes) } } })
    }

    @Test func wideStreamsAreReadBack() throws {
        let names = (0..<5000).map { "feature \($0)" }
        var stream = Stream(names, names.map { _ in .cells(.float64) })
        let column = try Column(.float64, [.float64(1.5)])
        stream.append(names.map { _ in .cells(column) }, rowCount: 1)
        let read = try stream.read()
        #expect(read.columns.map(\.name) == names)
        #expect(try #require(read.batches.first).cells.allSatisfy { $0.hasSameBuffers(as: column) })
    }
}
