import Catalog
import Client
import FeatureModel
import Testing

@Suite struct RowSplitTests {
    /// By Python's hashlib over the bytes that docs/formats/dataset.md tells; the
    /// Python client's tests have the same. The last row has a null in its key.
    @Test(
        arguments: [
            (0, [1, 1, 1, 2, 1, 1, 0, 1]), (7, [1, 1, 1, 1, 1, 0, 0, 1]), (1 << 63 - 1, [0, 2, 0, 2, 0, 0, 0, 0]),
        ] as [(UInt64, [Int])])
    func aKeyIsInThePartOfTheFormat(seed: UInt64, parts: [Int]) throws {
        let keys: [(Value, String)] = [
            (.int64(1), "a"), (.int64(-2), "é"), (.int64(7), ""), (.int64(.max), "x\0y"), (.int64(1), "a"), (.int64(0), "b"),
            (.int64(1), "b"), (.null, "b"),
        ]
        let columns = [
            try Column(.int64, keys.map(\.0)), try Column(.string, keys.map { .string(ByteString($0.1)) }),
            try Column(.timestamp, keys.map { _ in .timestamp(0) }),
        ]
        let shares = try RowSplit.Share.list("train=0.6,valid=0.3,test=0.1")
        let split = RowSplit(shares, .key(seed: seed), keys: 0..<2, timeIndex: 2)
        split.tell(columns, rowCount: keys.count)
        // Taken in pieces of another size than they were told.
        let taken = [3, 0, 5].map { split.take($0) }
        for (first, rows) in zip([0, 3, 3], taken) {
            for (part, places) in rows.enumerated() { for place in places { #expect(parts[first + place] == part) } }
        }
        #expect(taken.joined().reduce(0) { $0 + $1.count } == keys.count)
        let record = split.record
        #expect(record.by == "key" && record.seed == seed && record.parts.map(\.name) == ["train", "valid", "test"])
        #expect(record.parts.map(\.rows) == (0..<3).map { part in parts.count { $0 == part } })
    }

    @Test func aSplitByTimeCutsBetweenTimesWhateverTheOrder() throws {
        let times: [Microseconds] = [5, 1, 3, 3, 9, 3, 2, 7]
        let shares = try RowSplit.Share.list("a=0.5,b=0.25,c=0.25")
        #expect(RowSplit.starts(shares, times: times) == [3, 7])
        #expect(RowSplit.starts(shares, times: []) == [nil, nil])
        let saved = DatasetDefinition.Split(
            by: "time", seed: 0, parts: shares.map { DatasetDefinition.Split.Part(name: $0.name, share: $0.share, rows: 0) })
        let split = RowSplit(saved, times: times, keys: 0..<0, timeIndex: 0)
        split.tell([try Column(.timestamp, times.map { .timestamp($0) })], rowCount: times.count)
        #expect(split.take(times.count) == [[1, 6], [0, 2, 3, 5], [4, 7]])
        #expect(split.record.parts.map(\.rows) == [2, 4, 2] && split.record.by == "time")
    }

    @Test(arguments: [
        ("a=1", "2 to 64 parts"), ("a=0.5,b=0.6", "1.1 together"), ("a b=0.5,c=0.5", "cannot name a part"),
        ("-a=0.5,c=0.5", "cannot name a part"), ("=0.5,c=0.5", "cannot name a part"), ("a=0,b=1", "no part of a split"),
        ("a=0.5,a=0.5", "one name"), ("a=x,b=0.5", "no part of a split"), ("a=nan,b=0.5", "no part of a split"), ("", "no part"),
        ("a=0.5,,b=0.5", "no part of a split"),
    ])
    func whatIsNoSplitIsRefused(text: String, reason: String) {
        #expect {
            try RowSplit.Share.list(text)
        } throws: { error in
            guard let error = error as? HeadwaterError else { return false }
            return error.code == .invalidArgument && error.message.contains(reason)
        }
    }

    @Test func aComparisonNamesCellsLabelsAndTheirRows() throws {
        let fields = [Field("x", .float64), Field("s", .string)]
        var hash = TableHash([Field("y", .int64)])
        hash.append([try Column(.int64, [.int64(1), .int64(2), .null])])
        let labels = hash.finish()
        let history = [
            try Column(.float64, [.float64(.nan), .float64(0), .null]),
            try Column(.string, [.string("a"), .string("b"), .string("c")]),
        ]
        func compared(_ file: [Column?], _ label: [Value]) throws -> CellComparison {
            var comparison = CellComparison(fields, labels: labels) { "\($0.value($1))" }
            comparison.takeLabels([try Column(.int64, label)], rowCount: 3)
            for row in 0..<3 { comparison.compare(file, at: row, with: history, at: row) }
            comparison.finish()
            return comparison
        }
        let same = try compared(
            [try Column(.float64, [.float64(-.nan), .float64(0), .null]), history[1]], [.int64(1), .int64(2), .null])
        #expect(same.differenceCount == 0 && same.differences.isEmpty && same.otherLabels.isEmpty && same.rowCount == 3)
        // A zero of the other sign, and a column that is null throughout.
        let other = try compared(
            [try Column(.float64, [.float64(.nan), .float64(-0.0), .null]), nil], [.int64(1), .null, .null])
        #expect(other.differenceCount == 4 && other.otherLabels == ["y"])
        #expect(other.differences.map(\.row) == [1, 2, 2, 3] && other.differences.map(\.column) == ["s", "x", "s", "s"])
        #expect(other.differences.allSatisfy { ($0.file == nil) == ($0.column == "s") && $0.history != nil })
    }
}
