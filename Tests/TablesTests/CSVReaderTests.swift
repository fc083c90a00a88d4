import FeatureModel
import Tables
import Testing

@Suite struct CSVReaderTests {
    @Test func recordsEndInLineFeedOrBoth() throws {
        #expect(try readCSV(source("a,b\n1,2\n")) == [["a", "b"], ["1", "2"]])
        #expect(try readCSV(source("a,b\r\n1,2\r\n")) == [["a", "b"], ["1", "2"]])
    }

    @Test func lastLineMayLackItsEnd() throws {
        #expect(try readCSV(source("a,b\n1,2")) == [["a", "b"], ["1", "2"]])
        #expect(try readCSV(source("a,b\n1,")) == [["a", "b"], ["1", ""]])
        #expect(try readCSV(source("a,b\n1,\"2\"")) == [["a", "b"], ["1", "\"2"]])
        #expect(try readCSV(source("a,b")) == [["a", "b"]])
    }

    @Test func quotesHoldCommasQuotesAndLineEnds() throws {
        let text = "a,b\n\"x,y\",\"he said \"\"no\"\"\"\n\"two\r\nlines\",\"\"\"\"\n"
        #expect(try readCSV(source(text)) == [["a", "b"], ["\"x,y", "\"he said \"no\""], ["\"two\r\nlines", "\"\""]])
    }

    @Test func quotedEmptyDiffersFromEmpty() throws {
        #expect(try readCSV(source("a,b\n,\"\"\n")) == [["a", "b"], ["", "\""]])
    }

    @Test func spacesBelongToTheCell() throws {
        #expect(try readCSV(source("a,b\n 1 , \n")) == [["a", "b"], [" 1 ", " "]])
    }

    @Test func byteOrderMarkIsSkippedAlsoAcrossChunks() throws {
        let bytes = [0xEF, 0xBB, 0xBF] + Array("a\n1\n".utf8)
        for chunkBytes in 1...bytes.count {
            #expect(try readCSV(source(bytes, chunkBytes: chunkBytes)) == [["a"], ["1"]])
        }
        #expect(try readCSV(source([0xEF, 0xBB, 0xBF] + Array("\"a\"\n".utf8))) == [["a"]])
    }

    @Test func emptyLinesAreSkippedInWideTablesAndNullInNarrowOnes() throws {
        #expect(try readCSV(source("a,b\n\n1,2\n\r\n\n")) == [["a", "b"], ["1", "2"]])
        #expect(try readCSV(source("a\n\n1\n\n")) == [["a"], [""], ["1"], [""]])
    }

    @Test func rowsAndLinesAreCountedApart() throws {
        var reader = try CSVReader(name: "t.csv", source: source("a,b\n\"x\ny\",1\n\n2,3\n"))
        var row = CSVRow()
        #expect(try reader.next(into: &row))
        #expect((row.number, row.line) == (1, 2))
        #expect(try reader.next(into: &row))
        #expect((row.number, row.line) == (2, 5))
        #expect(reader.location(of: row, column: "a") == "t.csv: row 2 (line 5), column a")
        #expect(try !reader.next(into: &row))
        #expect(try !reader.next(into: &row))
    }

    @Test func everySplitOfATrickyFileReadsTheSame() throws {
        let text =
            "\u{FEFF}name,\"note, long\",c\r\n\"a\"\"b\",,\"\"\r\n\n\"line\r\nbreak\",é€𝄞,NA\n\"\"\"\",\" \",x\r\n,\"\",\nlast,\"q\"\"\",\"\n\""
        let bytes = Array(text.utf8)
        let expected = try readCSV(source(bytes))
        #expect(expected.count == 6)
        for first in 0...bytes.count {
            #expect(try readCSV(source(chunks: [bytes[..<first], bytes[first...]])) == expected, "split at \(first)")
            for second in first...bytes.count {
                let chunks = [bytes[..<first], bytes[first..<second], [], bytes[second...]]
                guard try readCSV(source(chunks: chunks)) == expected else {
                    Issue.record("splits at \(first) and \(second)")
                    return
                }
            }
        }
        #expect(try readCSV(source(bytes, chunkBytes: 1)) == expected)
    }

    @Test(arguments: [
        ("", "t.csv: line 1: the file is empty: its first line names the columns"),
        ("a,b,a\n", "t.csv: line 1: column 'a' stands in the header twice"),
        ("a,b\n1,2\n1\n", "t.csv: row 2 (line 3): 1 cell where the header has 2"),
        ("a,b\n1,2,3\n", "t.csv: row 1 (line 2): 3 cells where the header has 2"),
        (
            "a\nx\"y\n",
            "t.csv: row 1 (line 2): a quote inside an unquoted cell: put the whole cell in quotes and double the quote"
        ),
        ("a\n\"x\"y\n", "t.csv: row 1 (line 2): text behind a closing quote: double the quotes inside a quoted cell"),
        ("a,b\n1,2\n3,\"x\ny\n", "t.csv: row 2 (line 3): the quote that opens on line 3 is never closed"),
        ("a\nx\ry\n", "t.csv: row 1 (line 2): a carriage return outside quotes without a line feed behind it"),
        ("a\nx\r", "t.csv: row 1 (line 2): a carriage return outside quotes without a line feed behind it"),
    ])
    func malformedFilesAreRefusedWithRowAndLine(text: String, expected: String) {
        #expect(message { () throws(HeadwaterError) in _ = try readCSV(source(text)) } == expected)
    }

    @Test func composedAndDecomposedNamesAreTwoColumns() throws {
        let reader = try CSVReader(name: "t.csv", source: source("\u{E9},e\u{301}\n"))
        #expect(reader.header.count == 2)
    }

    @Test func headerThatIsNotUTF8IsRefused() {
        let bytes = Array("a,".utf8) + [0xFF] + Array("\n".utf8)
        #expect(
            message { () throws(HeadwaterError) in _ = try readCSV(source(bytes)) }
                == "t.csv: line 1: the name of column 2 is not UTF-8")
    }

    @Test func rowsStandBehindARaggedOne() throws {
        var reader = try CSVReader(name: "t.csv", source: source("a,b\n1\n2,3\n"))
        var row = CSVRow()
        #expect(throws: HeadwaterError.self) { try reader.next(into: &row) }
        #expect(!reader.isBroken)
        #expect(try reader.next(into: &row))
        #expect(cells(row) == ["2", "3"])
    }

    @Test func nothingStandsBehindABrokenQuote() throws {
        var reader = try CSVReader(name: "t.csv", source: source("a\nx\"\n2\n"))
        var row = CSVRow()
        #expect(throws: HeadwaterError.self) { try reader.next(into: &row) }
        #expect(reader.isBroken)
        #expect(try !reader.next(into: &row))
    }

    @Test func recordsAreAppendedAsTheyStood() throws {
        let lines = ["a,\"b c\",d", "\"x\"\"y\",,\"\"", "1,\"2\", 3 "]
        var reader = try CSVReader(name: "t.csv", source: source(lines.joined(separator: "\r\n")))
        #expect(String(decoding: reader.headerRecord, as: UTF8.self) == lines[0])
        var row = CSVRow()
        for line in lines.dropFirst() {
            #expect(try reader.next(into: &row))
            var bytes: [UInt8] = []
            row.appendRecord(to: &bytes)
            #expect(String(decoding: bytes, as: UTF8.self) == line)
        }
    }
}

@Suite struct BoundedMemoryTests {
    @Test func aReaderTakesNoChunkBeforeItNeedsOne() throws {
        // Each chunk is one row: behind row n, n + 1 chunks of data at most have been asked for.
        var pulled = 0
        let chunks: ByteSource = { () throws(HeadwaterError) -> ArraySlice<UInt8>? in
            defer { pulled += 1 }
            return Array((pulled == 0 ? "a,b\n" : "\(pulled),x\n").utf8)[...]
        }
        var reader = try CSVReader(name: "t.csv", source: chunks)
        var row = CSVRow()
        for number in 1...1_000 {
            #expect(try reader.next(into: &row))
            guard pulled <= number + 1, row.number == number else {
                Issue.record("\(pulled) chunks behind row \(number)")
                return
            }
        }
    }

    @Test func endlessRecordsAreRefused() {
        for format in [TableFormat.csv, .ndjson] {
            var pulled = 0
            let start = format == .csv ? "a\n\"" : "{\"a\":\""
            let endless: ByteSource = { () throws(HeadwaterError) -> ArraySlice<UInt8>? in
                defer { pulled += 1 }
                return pulled == 0 ? Array(start.utf8)[...] : [UInt8](repeating: 120, count: 1_000)[...]
            }
            let text = message { () throws(HeadwaterError) in
                if format == .csv {
                    var reader = try CSVReader(name: "t", recordBytesMax: 10_000, source: endless)
                    var row = CSVRow()
                    _ = try reader.next(into: &row)
                } else {
                    var reader = NDJSONReader(name: "t", recordBytesMax: 10_000, source: endless)
                    var row = NDJSONRow()
                    _ = try reader.next(into: &row)
                }
            }
            #expect(text.contains("of more than 10000 bytes"))
            #expect(pulled <= 13)
        }
    }

    @Test func commasWithoutEndTakeNoMemory() {
        let text = "a,b\n" + String(repeating: ",", count: 1_000_000)
        #expect(
            message { () throws(HeadwaterError) in _ = try readCSV(source(text)) }
                == "t.csv: row 1 (line 2): 1000001 cells where the header has 2")
    }
}
