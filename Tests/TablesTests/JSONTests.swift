import FeatureModel
import TestSupport
import Testing

@testable import Tables

@Suite struct JSONTests {
    private func strings(_ text: String) throws -> String {
        var document = JSONDocument()
        try document.parse(Array(text.utf8)[...])
        return String(decoding: document.text(0), as: UTF8.self)
    }

    @Test(arguments: [
        (#""a\"b\\c\/d""#, "a\"b\\c/d"), (#""\b\f\n\r\t""#, "\u{8}\u{C}\n\r\t"), (#""\u00e9\u20AC""#, "é€"),
        (#""\uD834\uDD1e""#, "𝄞"), (#""é€𝄞""#, "é€𝄞"), (#""\u0000""#, "\0"), (#""""#, ""),
    ])
    func escapesAreRead(text: String, expected: String) throws {
        #expect(try strings(text) == expected)
    }

    @Test(arguments: [
        #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800\ud800""#, #""\u12g4""#, #""\u12"#, #""\x""#, "\"a\nb\"", "\"a",
        "01", "-", "1.", ".5", "1e", "+1", "--1", "0x1", "NaN", "Infinity", "tru", "nulll", "", " ", "[1,]", "[1 2]", "[", "[1",
        "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{\"a\":1", "{\"a\":1}}", "1 2", "'a'", "// x\n1", "{\"a\":1,\"a\":2}",
        "[{\"b\":1,\"b\":1}]", "{\"a\":1,\"\\u0061\":2}",
    ])
    func whatIsNotJSONIsRefused(text: String) {
        var document = JSONDocument()
        #expect(throws: HeadwaterError.self) { try document.parse(Array(text.utf8)[...]) }
    }

    @Test(arguments: ["0", "-0", "10", "1.5", "-1.25e+10", "1E-5", "0.0", "123456789012345678901234567890"])
    func numbersKeepTheirText(text: String) throws {
        #expect(try strings(text) == text)
    }

    @Test func duplicateNamesAreFoundAmongMany() throws {
        var document = JSONDocument()
        let members = (0..<200).map { "\"n\($0)\":[\($0),{\"n1\":2}]" }
        try document.parse(Array("{\(members.joined(separator: ","))}".utf8)[...])
        #expect(document.count(0) == 200)
        let text = message { () throws(HeadwaterError) in
            try document.parse(Array("{\(members.joined(separator: ",")),\"n77\":1}".utf8)[...])
        }
        #expect(text.hasSuffix("the name 'n77' comes twice"))
    }

    @Test func deepNestingIsRefused() throws {
        var document = JSONDocument()
        let limit = TableLimits.nestingMax
        let allowed = String(repeating: "[", count: limit) + String(repeating: "]", count: limit)
        try document.parse(Array(allowed.utf8)[...])
        for opening in ["[", "{\"a\":"] {
            let text = message { () throws(HeadwaterError) in
                try document.parse(Array(String(repeating: opening, count: 1_000_000).utf8)[...])
            }
            #expect(text.hasSuffix("nested deeper than 32"))
        }
    }

    @Test func invalidUTF8IsRefused() {
        var document = JSONDocument()
        for bytes: [UInt8] in [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF4, 0x90, 0x80, 0x80]] {
            let quote = UInt8(ascii: "\"")
            #expect(throws: HeadwaterError.self) { try document.parse(([quote] + bytes + [quote])[...]) }
        }
    }

    @Test func noInputTraps() {
        // Random mutations of a valid text are parsed or refused.
        let original = Array(#"{"a":[1,-2.5e3,null,"x\u00e9\n"],"b":{"c":true},"d":"\ud834\udd1e"}"#.utf8)
        for seed: UInt64 in [1, 2, 3] {
            print("seed \(seed)")
            var random = SplitMix64(seed: seed)
            var document = JSONDocument()
            for _ in 0..<5_000 {
                var bytes = original
                for _ in 0...random.below(3) {
                    switch random.below(3) {
                    case 0: bytes[random.below(bytes.count)] = UInt8(random.below(256))
                    case 1: bytes.remove(at: random.below(bytes.count))
                    default: bytes.insert(original[random.below(original.count)], at: random.below(bytes.count))
                    }
                }
                try? document.parse(bytes[...])
            }
        }
    }
}

@Suite struct NDJSONReaderTests {
    private let columns = [
        TableColumn("k", .string, ordinal: 0, isRequired: true), TableColumn("v", .int64, ordinal: 1),
    ]

    @Test func absentAndNullAreNull() throws {
        let text = "{\"k\":\"a\",\"v\":1}\n{\"k\":\"b\",\"v\":null}\r\n\n  \n{\"k\":\"c\"}\n{\"v\":4,\"k\":\"d\"}"
        #expect(try decode(.ndjson, source(text), columns)["v"] == [.int64(1), .null, .null, .int64(4)])
    }

    @Test func everySplitReadsTheSame() throws {
        let bytes = Array("\u{FEFF}{\"k\":\"é\\n\",\"v\":9223372036854775807}\r\n\n{\"v\":-1,\"k\":\"𝄞\"}\n{\"k\":\"\"}".utf8)
        let expected = try decode(.ndjson, source(bytes), columns)
        #expect(expected["v"] == [.int64(.max), .int64(-1), .null])
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [bytes[..<first], bytes[first..<second], bytes[second...]]
                guard try decode(.ndjson, source(chunks: chunks), columns) == expected else {
                    Issue.record("splits at \(first) and \(second)")
                    return
                }
            }
        }
    }

    @Test(arguments: [
        ("[1]\n", "row 1 (line 1): an array where each line holds an object"),
        ("\n{\"k\":1}\n", "row 1 (line 2), column k: '1' is not a string"),
        ("{\"k\":\"a\",\"v\":1.5}\n", "row 1 (line 1), column v: '1.5' is not an int64"),
        ("{\"k\":\"a\",\"v\":\"1\"}\n", "row 1 (line 1), column v: the string '1' is not an int64"),
        ("{\"k\":\"a\",\"v\":{}}\n", "row 1 (line 1), column v: an object is not an int64"),
        ("{\"k\":\"a\",\"w\":1}\n", "row 1 (line 1): unknown column 'w'; the columns are k, v"),
        ("{\"k\":\"a\"}\n{\"v\":1}\n", "row 2 (line 2), column k: the cell is empty (null); every row needs a value here"),
        ("{\"k\":\"a\"}\n{\"k\"}\n", "row 2 (line 2): not JSON at byte 5: ':' is missing"),
    ])
    func badLinesAreRefusedWithRowAndLine(text: String, expected: String) {
        let found = message { () throws(HeadwaterError) in _ = try decode(.ndjson, source(text), columns) }
        #expect(found == "weather.ndjson: " + expected)
    }

    @Test func membersAreKeptAsTheyStood() throws {
        var reader = NDJSONReader(name: "t", source: source(" { \"a\" : 1, \"b\":[ {} ] } \r\n{}\n"))
        var row = NDJSONRow()
        #expect(try reader.next(into: &row))
        #expect(String(decoding: row.members, as: UTF8.self) == "\"a\" : 1, \"b\":[ {} ]")
        #expect(try reader.next(into: &row))
        #expect(row.members.isEmpty)
    }
}
