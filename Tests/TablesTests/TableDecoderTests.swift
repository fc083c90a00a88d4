import FeatureModel
import Testing

@testable import Tables

@Suite struct TableDecoderTests {
    private let schema = GroupSchema(
        groupID: 1, schemaVersion: 1, keys: [Field("origin", .string)], eventTimeName: "time_hour",
        features: [Field("temp", .float64), Field("visib", .float64)])
    private var columns: [TableColumn] { TableColumn.columns(of: schema) }

    @Test func columnsComeInAnyOrderAndMayBeMissing() throws {
        let text = "visib,time_hour,origin\n10,2013-01-01T06:00:00Z,JFK\n,2013-01-01T07:00:00Z,LGA\n"
        var decoder = try TableDecoder(.csv, name: "weather.csv", columns: columns, source: source(text))
        let next = try #require(try decoder.next())
        #expect(next.batch.ordinals == [0, 1, 3])
        #expect(next.batch.columns[0].values == [.string("JFK"), .string("LGA")])
        #expect(next.batch.column(ordinal: 3)?.values == [.float64(10), .null])
        #expect(next.batch.column(ordinal: 2) == nil)
        #expect(try decoder.next() == nil)
        #expect(try Batch(decoding: next.batch.bytes).rowCount == 2)
    }

    @Test(arguments: [
        ("origin,time_hour,tmp\n", "line 1: unknown column 'tmp'; the columns are origin, time_hour, temp, visib"),
        ("temp,visib\n", "line 1: missing column origin, time_hour; the file has temp, visib"),
        ("origin,time_hour\n,0\n", "row 1 (line 2), column origin: the cell is empty (null); every row needs a value here"),
        ("origin,time_hour\nJFK,\n", "row 1 (line 2), column time_hour: the cell is empty (null); every row needs a value here"),
    ])
    func filesThatDoNotFitAreRefused(text: String, expected: String) {
        #expect(
            message { () throws(HeadwaterError) in _ = try decode(.csv, source(text), columns) } == "weather.csv: \(expected)")
    }

    @Test func aBadRowFarDownIsFoundByRowAndLine() {
        // One quoted cell spans two lines, so lines run one ahead of the rows' own.
        var text = "origin,time_hour,temp\n\"J\nFK\",0,1\n"
        for row in 2...80_000 { text += row == 71_204 ? "JFK,\(row),abc\n" : "JFK,\(row),39.02\n" }
        let found = message { () throws(HeadwaterError) in _ = try decode(.csv, source(text), columns) }
        #expect(found == "weather.csv: row 71204 (line 71206), column temp: 'abc' is not a float64")
    }

    @Test func allBadRowsAreListed() {
        var text = "origin,time_hour,temp\n"
        for row in 1...50_000 {
            text += row == 7 ? "JFK,0\n" : row % 20_000 == 5 ? "JFK,x,1\n" : "JFK,0,1\n"
        }
        let found = message { () throws(HeadwaterError) in
            _ = try decode(.csv, source(text), columns, TableOptions(batchRowsMax: 100))
        }
        let notATime = "column time_hour: 'x' is not a time: write RFC 3339 (2013-01-01T06:00:00Z) or integer µs since 1970"
        #expect(
            found.split(separator: "\n") == [
                "weather.csv: 4 bad rows:",
                "weather.csv: row 5 (line 6), \(notATime)",
                "weather.csv: row 7 (line 8): 2 cells where the header has 3",
                "weather.csv: row 20005 (line 20006), \(notATime)",
                "weather.csv: row 40005 (line 40006), \(notATime)",
            ])
    }

    @Test func theListOfBadRowsIsBounded() {
        let text = "origin,time_hour\n" + String(repeating: "JFK,x\n", count: 1_000)
        let lines = message { () throws(HeadwaterError) in _ = try decode(.csv, source(text), columns) }.split(separator: "\n")
        #expect(lines.first == "weather.csv: 20 bad rows, reading stopped there:")
        #expect(lines.count == 1 + Limits.rowErrorsListedMax)
    }

    @Test func whatTheSourceThrowsPassesThrough() {
        var calls = 0
        let failing: ByteSource = { () throws(HeadwaterError) -> ArraySlice<UInt8>? in
            calls += 1
            if calls > 1 { throw HeadwaterError(.unavailable, "the disk is gone", at: "weather.csv") }
            return Array("origin,time_hour\nJFK,x\n".utf8)[...]
        }
        do {
            _ = try decode(.csv, failing, columns)
            Issue.record("no error")
        } catch {
            #expect(error.code == .unavailable)
        }
        #expect(calls == 2)
    }

    @Test func batchesEndByRowsAndByBytes() throws {
        let text = "origin,time_hour\n" + (1...1_000).map { "JFK,\($0)\n" }.joined()
        for options in [TableOptions(batchRowsMax: 300), TableOptions(batchBytesMax: 4_500)] {
            var decoder = try TableDecoder(.csv, name: "t.csv", columns: columns, options: options, source: source(text))
            var firsts: [Int] = []
            var rows = 0
            while let next = try decoder.next() {
                #expect(next.firstRow == rows + 1)
                #expect(next.batch.rowCount <= 300)
                firsts.append(next.firstRow)
                rows += next.batch.rowCount
            }
            #expect(rows == 1_000)
            #expect(firsts.count == 4)
        }
    }

    @Test func extraSpellingsOfNullHoldOutsideQuotesOnly() throws {
        let text = "s,n\nNA,NA\n\"NA\",1\n-,-\n,\n\"\",2\n"
        let columns = [TableColumn("s", .string, ordinal: 0), TableColumn("n", .int64, ordinal: 1)]
        let found = try decode(.csv, source(text), columns, TableOptions(nullTexts: ["NA", "-"]))
        #expect(found["s"] == [.null, .string("NA"), .null, .null, .string("")])
        #expect(found["n"] == [.null, .int64(1), .null, .null, .int64(2)])
    }

    @Test func aSpineKeepsItsColumnsAndOrder() throws {
        let text = "id,origin,when,label\n1,JFK,2013-01-01T06:00:00Z,\"a,\"\"b\"\"\"\n2,,2013-01-01,\"\"\n1,JFK,0,\n"
        let wanted = [
            TableColumn("origin", .string, ordinal: 0), TableColumn("when", .timestamp, ordinal: 1, isRequired: true),
        ]
        var decoder = try TableDecoder(
            .csv, name: "spine.csv", columns: wanted, options: TableOptions(unknownColumns: .keep, batchRowsMax: 2),
            source: source(text))
        let writer = TableWriter(.csv, names: ["temp", "temp__status"], rawHeader: decoder.headerRecord)
        var output: [UInt8] = []
        writer.appendHeader(to: &output)
        while let next = try decoder.next() {
            var statuses = StatusColumn()
            for _ in 0..<next.batch.rowCount { statuses.append(.notFound) }
            let temp = Column.nulls(.float64, count: next.batch.rowCount)
            writer.append([.cells(temp), .statuses(statuses)], behind: next.rawRows, to: &output)
        }
        #expect(
            String(decoding: output, as: UTF8.self) == """
                id,origin,when,label,temp,temp__status
                1,JFK,2013-01-01T06:00:00Z,"a,""b\""",,NOT_FOUND
                2,,2013-01-01,"",,NOT_FOUND
                1,JFK,0,,,NOT_FOUND

                """)
    }

    @Test func anObjectSpineKeepsItsMembers() throws {
        let text = "{ \"id\": {\"deep\":[1]}, \"origin\":\"JFK\" }\n{}\n"
        var decoder = try TableDecoder(
            .ndjson, name: "s", columns: [TableColumn("origin", .string, ordinal: 0)],
            options: TableOptions(unknownColumns: .keep),
            source: source(text))
        let next = try #require(try decoder.next())
        #expect(next.batch.columns[0].values == [.string("JFK"), .null])
        var output: [UInt8] = []
        TableWriter(.ndjson, names: ["temp"]).append(
            [.cells(try Column(.float64, [.float64(1), .null]))], behind: next.rawRows, to: &output)
        #expect(
            String(decoding: output, as: UTF8.self)
                == "{\"id\": {\"deep\":[1]}, \"origin\":\"JFK\",\"temp\":1.0}\n{\"temp\":null}\n")
    }

    @Test func rowsTooWideForABatchAreRefused() throws {
        // Nulls of long vectors: few bytes of text, much memory.
        let columns = (0..<10).map { TableColumn("v\($0)", .vector(1_000), ordinal: $0) }
        var reader = NDJSONReader(name: "t", source: source("{}\n"))
        var row = NDJSONRow()
        #expect(try reader.next(into: &row))
        var wide = try BatchBuilder(columns, options: TableOptions(), batchBytesMax: 50_000)
        try wide.append(row)
        #expect(wide.finish().batch.bytes.count <= 50_000)
        var narrow = try BatchBuilder(columns, options: TableOptions(), batchBytesMax: 40_000)
        #expect(message { () throws(HeadwaterError) in try narrow.append(row) }.contains("the row makes a batch of more than"))
    }

    @Test func deletesNeedKeysOnly() throws {
        let wanted = TableColumn.deleteColumns(of: schema)
        #expect(try decode(.csv, source("origin\nJFK\n"), wanted) == ["origin": [.string("JFK")]])
        #expect(try decode(.csv, source("time_hour,origin\n,JFK\n"), wanted)["time_hour"] == [.null])
        #expect(throws: HeadwaterError.self) { try decode(.csv, source("origin,temp\nJFK,1\n"), wanted) }
    }

    @Test func formatsAreKnownByTheNameOfTheFile() throws {
        #expect(try TableFormat(path: "a/B.CSV") == .csv)
        #expect(try TableFormat(path: "x.jsonl") == .ndjson)
        #expect(throws: HeadwaterError.self) { try TableFormat(path: "x.parquet") }
    }
}

/// Rows that come as they are made.
@Suite struct LiveTableTests {
    private let columns = TableColumn.columns(
        of: GroupSchema(
            groupID: 1, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: "at",
            features: [Field("tags", .array(.string)), Field("temp", .float64)]))

    /// The ids of each batch; what reading asked for before each.
    private func batches(
        _ format: TableFormat, _ chunks: [String]
    ) throws -> (batches: [[Int64]], chunksTaken: [Int], error: String?) {
        let input = Chunks(chunks)
        var options = TableOptions(timeUnit: .seconds)
        options.isLive = true
        var decoder = try TableDecoder(format, name: "live", columns: columns, options: options, source: input.next)
        var batches: [[Int64]] = []
        var chunksTaken: [Int] = []
        while true {
            let rows: TableBatch
            do throws(HeadwaterError) {
                guard let next = try decoder.next() else { return (batches, chunksTaken, nil) }
                rows = next
            } catch {
                return (batches, chunksTaken, error.description)
            }
            #expect(rows.firstRow == batches.joined().count + 1)
            // Well formed, whatever stood behind.
            let batch = try Batch(decoding: rows.batch.bytes)
            batches.append((0..<batch.rowCount).map { batch.columns[0].int64($0) })
            chunksTaken.append(input.taken)
        }
    }

    @Test func rowsAreGivenAsSoonAsTheyAreWhole() throws {
        let json = try batches(
            .ndjson, [#"{"id":1,"at":1}"#, "\n{\"id\":2,\"at\":1}\n{\"id\"", ":3,\"at\":1}\n\n \n", "\n", #"{"id":4,"at":1}"#])
        #expect(json.batches == [[1, 2], [3], [4]] && json.chunksTaken == [2, 3, 5])
        let csv = try batches(.csv, ["id,at,tags\n", "1,1,\r\n2,1,\"[\n", "\n]\"\n3", ",1,\n", "\n", "4,1,"])
        #expect(csv.batches == [[1], [2], [3], [4]] && csv.chunksTaken == [2, 3, 4, 6])
    }

    @Test func theRowsBeforeABadOneAreGivenAndNoneBehind() throws {
        let csv = try batches(
            .csv, ["id,at,tags,temp\n1,1,\"[\"\"a\"\"]\",1\n2,1,,\n3,1,\"[\"\"a\"\",\"\"b\"\",4]\",1\n4,1,,1\n"])
        #expect(csv.batches == [[1, 2]])
        #expect(csv.error?.contains("live: row 3 (line 4), column tags: element 3") == true, "\(csv)")
        let json = try batches(.ndjson, ["{\"id\":1,\"at\":1}\n", "{\"id\":2,\"at\":1,\"temp\":\"x\"}\n{\"id\":3,\"at\":1}\n"])
        #expect(json.batches == [[1]])
        #expect(json.error?.contains("live: row 2 (line 2), column temp") == true, "\(json)")
    }
}

/// Input that comes in pieces.
private final class Chunks {
    private let chunks: [String]
    private(set) var taken = 0

    init(_ chunks: [String]) { self.chunks = chunks }

    func next() throws(HeadwaterError) -> ArraySlice<UInt8>? {
        guard taken < chunks.count else { return nil }
        taken += 1
        return Array(chunks[taken - 1].utf8)[...]
    }
}
