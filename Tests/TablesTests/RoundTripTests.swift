import FeatureModel
import Tables
import TestSupport
import Testing

/// Writer → reader is exact for every type.
@Suite struct RoundTripTests {
    private static let types: [FeatureType] =
        FeatureType.allScalars + FeatureType.allScalars.map { .array($0) } + [.vector(1), .vector(5)]

    private func text(_ random: inout SplitMix64) -> [UInt8] {
        let pieces = [
            "", "a", "NA", "null", ",", "\"", "\n", "\r\n", "\r", " ", "é", "e\u{301}", "𝄞", "\0", "\u{7F}", "\u{2028}", "\\",
            "{[", "\u{FEFF}",
        ]
        return (0..<random.below(5)).flatMap { _ in Array(pieces[random.below(pieces.count)].utf8) }
    }

    private func value(_ type: FeatureType, _ random: inout SplitMix64, nullable: Bool = true) -> Value {
        if nullable, random.below(5) == 0 { return .null }
        let bits = random.below(3) == 0 ? UInt64(random.below(4)) : random.next()
        switch type {
        case .bool: return .bool(bits & 1 == 1)
        case .int32: return .int32(random.below(8) == 0 ? [.min, .max][random.below(2)] : Int32(truncatingIfNeeded: bits))
        case .int64: return .int64(random.below(8) == 0 ? [.min, .max][random.below(2)] : Int64(bitPattern: bits))
        case .float32: return .float32(float32(UInt32(truncatingIfNeeded: bits), &random))
        case .float64:
            let specials = [
                Double.nan, .infinity, -.infinity, -0.0, 0.1, 1e22, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 100, 1e16,
            ]
            let number = random.below(4) == 0 ? specials[random.below(specials.count)] : Double(bitPattern: bits)
            return .float64(number.isNaN ? .nan : number)
        case .string: return .string(ByteString(text(&random)))
        case .bytes: return .bytes(ByteString((0..<random.below(10)).map { _ in UInt8(random.below(256)) }))
        case .timestamp:
            return .timestamp(random.below(3) == 0 ? Int64(bitPattern: bits) : Int64(bits % 4_000_000_000_000_000))
        case .array(let element): return .array((0..<random.below(4)).map { _ in value(element, &random) })
        case .vector(let length):
            return .vector((0..<length).map { _ in float32(UInt32(truncatingIfNeeded: random.next()), &random) })
        }
    }

    private func float32(_ bits: UInt32, _ random: inout SplitMix64) -> Float {
        let specials = [
            Float.nan, .infinity, -.infinity, -0.0, 0.1, 16_777_216, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ]
        let number = random.below(4) == 0 ? specials[random.below(specials.count)] : Float(bitPattern: bits)
        return number.isNaN ? .nan : number
    }

    @Test(arguments: TableFormat.allCases, [UInt64(101), 102, 103])
    func randomTablesComeBackExactly(format: TableFormat, seed: UInt64) throws {
        print("seed \(seed)")
        var random = SplitMix64(seed: seed)
        let names = Self.types.indices.map { $0 % 3 == 0 ? "c,\"\n\($0)" : "é\($0)" }
        let wanted = Self.types.enumerated().map { TableColumn(names[$0], $1, ordinal: $0) }
        for rowCount in [0, 1, 2, 400] {
            let values = Self.types.map { type in (0..<rowCount).map { _ in value(type, &random) } }
            let columns = try zip(Self.types, values).map { OutputColumn.cells(try Column($0, $1)) }
            var bytes: [UInt8] = []
            let writer = TableWriter(format, names: names)
            writer.appendHeader(to: &bytes)
            writer.append(columns, to: &bytes)
            let options = TableOptions(batchRowsMax: 1 + random.below(500))
            var decoder = try TableDecoder(
                format, name: "t", columns: wanted, options: options, source: source(bytes, chunkBytes: 1 + random.below(5_000)))
            var found = Self.types.map { _ in [Value]() }
            while let next = try decoder.next() {
                let batch = try Batch(decoding: next.batch.bytes)
                for (index, column) in batch.columns.enumerated() { found[index] += column.values }
            }
            for (index, type) in Self.types.enumerated() where found[index] != values[index] {
                let row = zip(found[index], values[index]).enumerated().first { $1.0 != $1.1 }?.offset ?? -1
                Issue.record("\(type), row \(row) of \(rowCount): \(values[index].dropFirst(row).first as Any)")
            }
        }
    }

    @Test(arguments: Self.types)
    func aTableOfOneColumnComesBackWithItsNulls(type: FeatureType) throws {
        var random = SplitMix64(seed: 7)
        let values = (0..<50).map { _ in value(type, &random) } + [.null, .null]
        for format in TableFormat.allCases {
            var bytes: [UInt8] = []
            let writer = TableWriter(format, names: ["\u{FEFF}x"])
            writer.appendHeader(to: &bytes)
            writer.append([.cells(try Column(type, values))], to: &bytes)
            #expect(try decode(format, source(bytes), [TableColumn("\u{FEFF}x", type, ordinal: 0)])["\u{FEFF}x"] == values)
        }
    }

    @Test func cellsAreSpeltAsDocumented() throws {
        let columns: [(String, OutputColumn)] = [
            ("b", .cells(try Column(.bool, [.bool(true), .null]))),
            ("f", .cells(try Column(.float64, [.float64(1), .float64(.nan)]))),
            ("g", .cells(try Column(.float32, [.float32(0.1), .float32(-.infinity)]))),
            ("s", .cells(try Column(.string, [.string(""), .string("a,\"b\"")]))),
            ("y", .cells(try Column(.bytes, [.bytes("fo"), .bytes("")]))),
            ("t", .cells(try Column(.timestamp, [.timestamp(1_357_020_000_000_001), .timestamp(.min)]))),
            ("a", .cells(try Column(.array(.float64), [.array([.float64(.nan), .null]), .array([])]))),
            ("v", .cells(try Column(.vector(2), [.vector([1, .infinity]), .null]))),
        ]
        var statuses = StatusColumn()
        statuses.append(.present)
        statuses.append(.outsideMaxAge)
        let names = columns.map(\.0) + ["x"]
        let cells = columns.map(\.1) + [.statuses(statuses)]
        func written(_ format: TableFormat) -> String {
            var bytes: [UInt8] = []
            let writer = TableWriter(format, names: names)
            writer.appendHeader(to: &bytes)
            writer.append(cells, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(
            written(.csv) == """
                b,f,g,s,y,t,a,v,x
                true,1.0,0.1,"",Zm8=,2013-01-01T06:00:00.000001Z,"[""NaN"",null]","[1.0,""Infinity""]",PRESENT
                ,NaN,-Infinity,"a,""b\""","",-9223372036854775808,[],,OUTSIDE_MAX_AGE

                """)
        #expect(
            written(.ndjson) == #"""
                {"b":true,"f":1.0,"g":0.1,"s":"","y":"Zm8=","t":"2013-01-01T06:00:00.000001Z","a":["NaN",null],"v":[1.0,"Infinity"],"x":"PRESENT"}
                {"b":null,"f":"NaN","g":"-Infinity","s":"a,\"b\"","y":"","t":"-9223372036854775808","a":[],"v":null,"x":"OUTSIDE_MAX_AGE"}

                """#)
    }
}

@Suite struct TextTableTests {
    @Test func numbersStandToTheRightAndCellsAreCut() {
        var table = TextTable(["airport", "temp", "note"], cellScalarsMax: 10)
        table.append(["JFK", "39.02", "fine"])
        table.append(["LGA é", "-1.5", "a note that is too long"])
        table.append(["EWR", "null", "two\nlines"])
        #expect(
            table.text == """
                airport   temp  note
                -------  -----  ----------
                JFK      39.02  fine
                LGA é     -1.5  a note th…
                EWR       null  two\\nlines

                """)
    }

    @Test func columnsArePrintedWithNulls() throws {
        var table = TextTable(["k", "n"])
        table.append([.cells(try Column(.string, [.string("a"), .null])), .cells(try Column(.int64, [.null, .int64(12)]))])
        #expect(table.text == "k        n\n----  ----\na     null\nnull    12\n")
    }

    @Test func anEmptyTableIsItsHeader() {
        #expect(TextTable(["a", "bc"]).text == "a  bc\n-  --\n")
    }
}
