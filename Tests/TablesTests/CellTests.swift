import FeatureModel
import TestSupport
import Testing

@testable import Tables

@Suite struct CellTests {
    @Test func boolsAreReadInAnyCaseAndAsDigits() throws {
        for text in ["true", "True", "TRUE", "1"] { #expect(try csvCell(.bool, text) == .bool(true)) }
        for text in ["false", "False", "FALSE", "0"] { #expect(try csvCell(.bool, text) == .bool(false)) }
        for text in ["yes", "t", "2", "10", " true"] {
            #expect(throws: HeadwaterError.self) { try csvCell(.bool, text) }
        }
        #expect(throws: HeadwaterError.self) { try jsonCell(.bool, "1") }
    }

    @Test func integersAreReadUpToTheirLimits() throws {
        for number in [Int64.min, .min + 1, -1, 0, 1, .max - 1, .max] {
            #expect(try csvCell(.int64, "\(number)") == .int64(number))
            #expect(try jsonCell(.int64, "\(number)") == .int64(number))
        }
        for number in [Int32.min, .max] { #expect(try csvCell(.int32, "\(number)") == .int32(number)) }
        #expect(try csvCell(.int64, "007") == .int64(7))
    }

    @Test(arguments: [
        (FeatureType.int32, "2147483648", "'2147483648' is beyond the range of int32"),
        (.int32, "-2147483649", "'-2147483649' is beyond the range of int32"),
        (.int64, "9223372036854775808", "'9223372036854775808' is beyond the range of int64"),
        (.int64, "-9223372036854775809", "'-9223372036854775809' is beyond the range of int64"),
        (.int64, "99999999999999999999999", "'99999999999999999999999' is beyond the range of int64"),
        (.int64, "1.0", "'1.0' is not an int64"), (.int64, "1e3", "'1e3' is not an int64"),
        (.int64, "+1", "'+1' is not an int64"),
        (.int64, "-", "'-' is not an int64"), (.int64, "\"\"", "'' is not an int64"), (.int32, " 1", "' 1' is not an int32"),
        (.float64, "abc", "'abc' is not a float64"), (.float64, "1e999", "'1e999' is beyond the range of float64"),
        (.float64, "inf", "'inf' is not a float64"), (.float64, "nan", "'nan' is not a float64"),
        (.float64, "0x10", "'0x10' is not a float64"), (.float64, ".", "'.' is not a float64"),
        (.float64, "1e", "'1e' is not a float64"),
        (.float64, "1_000", "'1_000' is not a float64"), (.float32, "1e39", "'1e39' is beyond the range of float32"),
        (.float32, "1,5", "2 cells where the header has 1"), (.bytes, "YQ", "'YQ' is not base64 with padding"),
        (.array(.int32), "[1", "'[1' is not an array(int32): not JSON at byte 3: ',' or ']' is missing"),
        (.array(.int32), "1", "'1' is not an array(int32): write it as JSON"),
        (.array(.int32), "[1 2]", "'[1 2]' is not an array(int32): not JSON at byte 4: ',' or ']' is missing"),
        (.array(.int32), "\"[1,[2]]\"", "element 2: an array is not an int32"),
        (.array(.string), "\"[1,\"\"a\"\"]\"", "element 1: '1' is not a string"),
        (.vector(2), "[1]", "1 element where vector(2) has 2"),
        (.vector(2), "\"[1,null]\"", "element 2: a vector holds no null"),
        (.vector(1), "[]", "0 elements where vector(1) has 1"),
    ])
    func wrongTextIsRefusedByName(type: FeatureType, text: String, expected: String) {
        let found = message { () throws(HeadwaterError) in _ = try csvCell(type, text) }
        #expect(found.hasSuffix(expected), "\(found)")
    }

    @Test func longAndControlTextIsShownOnOneShortLine() {
        let text = "\"" + String(repeating: "x", count: 50) + "\u{1B}[2J\n" + String(repeating: "y", count: 500) + "\""
        let found = message { () throws(HeadwaterError) in _ = try csvCell(.int64, text) }
        #expect(found.contains("\\u{1b}[2J\\n") && found.count < 150 && !found.contains("\n"))
    }

    @Test func floatsAreReadToTheNearest() throws {
        let texts = [
            "0", "-0", "1", "-1.5", ".5", "5.", "1e3", "1E+3", "1e-3", "0.1", "0.30000000000000004", "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014e-308", "9007199254740993", "123456789012345", "999999999999999e22", "1e22", "1e23", "1e-400",
            "8.5e-23",
        ]
        for text in texts {
            #expect(try csvCell(.float64, text) == .float64(Double(text)!), "\(text)")
            if Float(text)!.isFinite { #expect(try csvCell(.float32, text) == .float32(Float(text)!), "\(text)") }
        }
        #expect(try csvCell(.float64, "NaN") == .float64(.nan))
        #expect(try csvCell(.float32, "-Infinity") == .float32(-.infinity))
        #expect(try jsonCell(.float64, "\"Infinity\"") == .float64(.infinity))
        #expect(throws: HeadwaterError.self) { try jsonCell(.float64, "\"1\"") }
    }

    @Test func randomDecimalsAreReadAsTheLibraryReadsThem() throws {
        for seed: UInt64 in [11, 12] {
            print("seed \(seed)")
            var random = SplitMix64(seed: seed)
            for _ in 0..<20_000 {
                let digits = String(random.next() % 1_000_000_000_000_000_000).prefix(1 + random.below(18))
                let text = (random.below(2) == 0 ? "-" : "") + "\(digits).\(random.below(1_000))e\(random.below(60) - 30)"
                guard NumberText.float64(Array(text.utf8)[...])?.bitPattern == Double(text)!.bitPattern else {
                    Issue.record("\(text)")
                    return
                }
            }
        }
    }

    @Test func timesAreTextOrMicroseconds() throws {
        let instant: Value = .timestamp(1_357_020_000_000_000)
        for text in ["2013-01-01T06:00:00Z", "2013-01-01T01:00:00-05:00", "2013-01-01 06:00:00.000000", "1357020000000000"] {
            #expect(try csvCell(.timestamp, text) == instant)
            #expect(try jsonCell(.timestamp, "\"\(text)\"") == instant)
        }
        #expect(try jsonCell(.timestamp, "1357020000000000") == instant)
        #expect(try csvCell(.timestamp, "2013-01-01") == .timestamp(1_356_998_400_000_000))
        for text in ["2013-02-29", "noon", "2013-01-01T25:00:00Z"] {
            #expect(throws: HeadwaterError.self) { try csvCell(.timestamp, text) }
        }
        #expect(throws: HeadwaterError.self) { try jsonCell(.timestamp, "1.5") }
    }

    @Test func stringsMustBeUTF8() {
        let bytes = Array("x\na".utf8) + [0xC3, 0x28]
        let found = message { () throws(HeadwaterError) in
            _ = try decode(.csv, source(bytes), [TableColumn("x", .string, ordinal: 0)])
        }
        #expect(found == "weather.csv: row 1 (line 2), column x: 'a\u{FFFD}(' is not UTF-8")
    }

    @Test func nullsInArraysSurvive() throws {
        #expect(try csvCell(.array(.int64), "\"[1,null,3]\"") == .array([.int64(1), .null, .int64(3)]))
        #expect(try csvCell(.array(.float32), "\"[\"\"NaN\"\",null,-0.0]\"") == .array([.float32(.nan), .null, .float32(-0.0)]))
        #expect(try csvCell(.array(.string), "[]") == .array([]))
        #expect(try csvCell(.array(.string), "") == .null)
        #expect(try jsonCell(.array(.bytes), "[\"YWI=\",\"\",null]") == .array([.bytes("ab"), .bytes(""), .null]))
    }

    @Test func cellsThatAreTooLargeAreRefused() {
        let text = String(repeating: "x", count: Limits.cellBytesMax + 1)
        let found = message { () throws(HeadwaterError) in _ = try csvCell(.string, text) }
        #expect(found.hasSuffix("column x: a cell of 16777217 bytes; the limit is 16777216"))
    }
}

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectorsOfTheStandardHold(plain: String, encoded: String) {
        var output: [UInt8] = []
        Base64.append(Array(plain.utf8)[...], to: &output)
        #expect(String(decoding: output, as: UTF8.self) == encoded)
        #expect(Base64.decode(Array(encoded.utf8)[...]) == Array(plain.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "====", "Z===", "=Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm-_", "Zg=g",
    ])
    func whatIsNotStrictIsRefused(text: String) {
        #expect(Base64.decode(Array(text.utf8)[...]) == nil)
    }
}
