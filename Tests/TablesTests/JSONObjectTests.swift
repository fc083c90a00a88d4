import FeatureModel
import Tables
import Testing

@Suite struct JSONObjectTests {
    private func object(_ text: String) throws -> JSONObject { try JSONObject(Array(text.utf8)[...]) }

    private static let columns = [
        TableColumn("id", .int64, ordinal: 0, isRequired: true), TableColumn("at", .timestamp, ordinal: 1, isRequired: true),
        TableColumn("x", .array(.int64), ordinal: 2),
    ]

    @Test func readsValuesByName() throws {
        let body = try object(#"{"t":"é","b":true,"p":"18446744073709551615","q":7,"l":["a","b"],"o":{"t":"in"},"n":null}"#)
        #expect(try body.text("t") == "é")
        #expect(try body.bool("b") == true)
        #expect(try body.position("p") == .max)
        #expect(try body.position("q") == 7)
        #expect(try body.texts("l") == ["a", "b"])
        #expect(try body.object("o")?.text("t") == "in")
        #expect(try body.text("n") == nil)
        #expect(try body.text("missing") == nil)
    }

    @Test func composedAndDecomposedNamesDiffer() throws {
        let body = try object("{\"e\u{301}\":1}")
        #expect(try body.position("e\u{301}") == 1)
        #expect(try body.position("\u{E9}") == nil)
        #expect(throws: HeadwaterError.self) { try body.check(only: ["\u{E9}"]) }
    }

    @Test(arguments: [
        "", "[]", "7", "{", #"{"a":1,"a":2}"#, #"{"a":1}x"#, "{\"a\":\"\u{0}\"}", #"{"a":01}"#, #"{a:1}"#,
        #"{"rows":[{"id":1,"id":2}]}"#,
    ])
    func refusesWhatIsNoObject(text: String) { #expect(throws: HeadwaterError.self) { try object(text) } }

    @Test(arguments: [
        (#"{"t":1}"#, "t"), (#"{"b":"true"}"#, "b"), (#"{"p":-1}"#, "p"), (#"{"p":1.5}"#, "p"), (#"{"l":[1]}"#, "l"),
        (#"{"l":"a"}"#, "l"), (#"{"o":[]}"#, "o"), (#"{"o":{"t":1}}"#, "o.t"),
    ])
    func namesThePlaceOfAWrongValue(text: String, place: String) throws {
        let body = try object(text)
        let error = #expect(throws: HeadwaterError.self) {
            _ = try body.text("t")
            _ = try body.bool("b")
            _ = try body.position("p")
            _ = try body.texts("l")
            _ = try body.object("o")?.text("t")
        }
        #expect(error?.location == place)
    }

    /// Rows and columns of the same cells are the same batch, byte for byte.
    @Test func rowsAndColumnsAreOneBatch() throws {
        let rows = try object(
            #"{"rows":[{"id":"9223372036854775807","at":0,"x":[1,null]},{"at":"1970-01-01T00:00:00.000001Z","id":-1}]}"#)
        let columns = try object(#"{"columns":{"x":[[1,null],null],"at":[0,1],"id":[9223372036854775807,-1]}}"#)
        let batch = try rows.batch(Self.columns, unit: .microseconds)
        #expect(batch.bytes == (try columns.batch(Self.columns, unit: .microseconds)).bytes)
        #expect(batch.rowCount == 2)
        #expect(batch.columns[0].int64(0) == .max)
        #expect(batch.columns[2].isNull(1))
    }

    @Test func aColumnThatNoRowHasIsLeftOut() throws {
        let batch = try object(#"{"rows":[{"id":1,"at":0}]}"#).batch(Self.columns, unit: .microseconds)
        #expect(batch.ordinals == [0, 1])
        #expect(try object(#"{"rows":[]}"#).batch(Self.columns, unit: nil).rowCount == 0)
    }

    @Test(arguments: [
        (#"{"rows":[{"id":1,"at":0},{"id":null,"at":0}]}"#, "rows[1].id"), (#"{"rows":[{"id":1}]}"#, "rows[0]"),
        (#"{"rows":[{"id":1,"at":0,"y":1}]}"#, "rows[0]"), (#"{"rows":[{"id":1,"at":0,"x":["a"]}]}"#, "rows[0].x"),
        (#"{"columns":{"id":[1],"at":[null]}}"#, "columns.at[0]"),
        (#"{"columns":{"id":[1,2],"at":[0]}}"#, "columns"), (#"{"columns":{"id":[1]}}"#, "columns"),
    ])
    func namesRowAndColumn(text: String, place: String) throws {
        let body = try object(text)
        let error = #expect(throws: HeadwaterError.self) { try body.batch(Self.columns, unit: .microseconds) }
        #expect(error?.location == place)
    }

    @Test func writesColumnsAsLists() throws {
        let column = try #require(try object(#"{"c":[1,null,"9007199254740993"]}"#).column("c", .int64, unit: nil))
        var json: [UInt8] = []
        OutputColumn.cells(column).appendJSONList(to: &json)
        OutputColumn.cells(column).appendJSONList(integersAsText: true, to: &json)
        OutputColumn.statuses(StatusColumn(.outsideMaxAge, count: 2)).appendJSONList(to: &json)
        let wanted = #"[1,null,9007199254740993]["1",null,"9007199254740993"]["OUTSIDE_MAX_AGE","OUTSIDE_MAX_AGE"]"#
        #expect(String(decoding: json, as: UTF8.self) == wanted)
    }
}
