import FeatureModel
import Testing

@testable import Tables

@Suite struct KeptRowsTests {
    /// The rows of a table as they are continued.
    private func rows(
        _ format: TableFormat, _ text: String, _ typed: [Field], to output: TableFormat? = nil,
        _ options: TableOptions = TableOptions()
    ) throws(HeadwaterError) -> [String] {
        var rows = RawRows()
        switch format {
        case .csv:
            var reader = try CSVReader(name: "t.csv", source: source(text))
            var kept = try KeptRows(typed, header: reader.header, from: .csv, to: output ?? .csv, options: options)
            var row = CSVRow()
            while try reader.next(into: &row) { try kept.append(row, to: &rows) }
            try kept.checkEnd()
        case .ndjson:
            var reader = NDJSONReader(name: "t.ndjson", source: source(text))
            var kept = try KeptRows(typed, header: [], from: .ndjson, to: output ?? .ndjson, options: options)
            var row = NDJSONRow()
            while try reader.next(into: &row) { try kept.append(row, to: &rows) }
            try kept.checkEnd()
        }
        return (0..<rows.count).map { String(decoding: rows[$0], as: UTF8.self) }
    }

    @Test func withoutATypeCellsStandByteForByte() throws {
        let lines = ["00501,1E5,2026-01-05,\" a\"", "+1,,\"\",x"]
        #expect(try rows(.csv, "a,b,c,d\n" + lines.joined(separator: "\n") + "\n", []) == lines)
        let object = #""a" : 1.50, "b":"x""#
        #expect(try rows(.ndjson, "{ \(object) }\n", []) == [object])
    }

    @Test func aColumnOfATypeIsWrittenInItsOneForm() throws {
        let csv =
            "zip,n,f,b,t,l\n00501,007,1E5,TRUE,2026-01-05,\"[1, null]\"\n,,,,,\n00502,-0,.5,0,2026-01-05 09:00:00+01:00,[]\n"
        let typed = [
            Field("n", .int64), Field("f", .float64), Field("b", .bool), Field("t", .timestamp), Field("l", .array(.int32)),
        ]
        #expect(
            try rows(.csv, csv, typed) == [
                "00501,7,100000.0,true,2026-01-05T00:00:00.000000Z,\"[1,null]\"", ",,,,,",
                "00502,0,0.5,false,2026-01-05T08:00:00.000000Z,[]",
            ])
        #expect(
            try rows(.csv, csv, typed, to: .ndjson) == [
                #""zip":"00501","n":7,"f":100000.0,"b":true,"t":"2026-01-05T00:00:00.000000Z","l":[1,null]"#,
                #""zip":null,"n":null,"f":null,"b":null,"t":null,"l":null"#,
                #""zip":"00502","n":0,"f":0.5,"b":false,"t":"2026-01-05T08:00:00.000000Z","l":[]"#,
            ])
        // In an object only the value changes.
        let object = #""t" : "2026-01-05" , "f":1e5,"x":{"t":[ 1 ]}"#
        #expect(
            try rows(.ndjson, "{\(object)}\n{}\n", Array(typed.filter { "ft".contains($0.name) }))
                == [#""t" : "2026-01-05T00:00:00.000000Z" , "f":100000.0,"x":{"t":[ 1 ]}"#, ""])
    }

    @Test func aColumnOfATypeThatNoObjectHasIsRefusedAtTheEnd() throws {
        #expect(throws: HeadwaterError.self) { try rows(.ndjson, "{\"a\":1}\n", [Field("b", .int64)]) }
        #expect(try rows(.ndjson, "", [Field("b", .int64)]).isEmpty)
        #expect(try rows(.ndjson, "{\"a\":1}\n{\"b\":null}\n", [Field("b", .int64)]).count == 2)
    }

    @Test func spellingsOfNullCountInTypedColumnsAndInJSON() throws {
        let options = TableOptions(nullTexts: [ByteString("NA")])
        let csv = "a,n\nNA,NA\n\"NA\",1\n"
        #expect(try rows(.csv, csv, [Field("n", .int64)], to: nil, options) == ["NA,", "\"NA\",1"])
        #expect(try rows(.csv, csv, [], to: .ndjson, options) == [#""a":null,"n":null"#, #""a":"NA","n":"1""#])
    }

    @Test func cellsThatAreNotOfTheirTypeAreRefusedByColumn() {
        for (format, text) in [
            (TableFormat.csv, "a,n\nx,1.5\n"), (.csv, "a,n\nx,\"\"\n"), (.ndjson, "{\"n\":1.5}\n"), (.ndjson, "{\"n\":\"1\"}\n"),
        ] {
            #expect { _ = try rows(format, text, [Field("n", .int64)]) } throws: {
                let error = $0 as? HeadwaterError
                return error?.code == .invalidArgument && error?.location == "n"
            }
        }
        #expect(throws: HeadwaterError.self) { try rows(.csv, "a\n1\n", [Field("n", .int64)]) }
        #expect(throws: HeadwaterError.self) { try rows(.ndjson, "{}\n", [], to: .csv) }
        #expect(throws: HeadwaterError.self) { try rows(.csv, "t\n1767603600\n", [Field("t", .timestamp)]) }
    }
}
