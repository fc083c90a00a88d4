import Catalog
import FeatureModel
import Testing

private let now: Microseconds = 1_700_000_000_000_000
private let minute: Microseconds = 60_000_000

@Suite struct WriteCheckTests {
    /// Group `g`: keys id int64 (0), code string (1); event time at (2); features from 3.
    let catalog: Catalog

    init() throws {
        var catalog = Catalog()
        try apply(
            """
            project: p
            entities: [{name: e, keys: [{name: id, type: int64}, {name: code, type: string}]}, {name: all, keys: []}]
            feature_groups:
              - name: g
                entity: e
                event_time: at
                features:
                  - {name: temp, type: float64, checks: {min: -10, max: 0.1}}
                  - {name: count, type: int32, checks: {min: 0.5, max: 100}}
                  - {name: kind, type: string, checks: {one_of: [a, bé], max_length: 2}}
                  - {name: small, type: float32, checks: {max: 0.1, not_null: true}}
                  - {name: list, type: array(string), checks: {max_length: 2}}
                  - {name: born, type: timestamp, checks: {min: "1970-01-02"}}
                  - {name: raw, type: bytes, checks: {max_length: 1}}
                  - {name: vec, type: vector(2)}
                  - {name: big, type: int64, checks: {max: 9007199254740993}}
              - {name: table, entity: e, event_time: none, features: [{name: x, type: int32}]}
              - {name: world, entity: all, event_time: at, available_time: known, ahead: 1h, features: [{name: x, type: int32}]}
            """, to: &catalog)
        self.catalog = catalog
    }

    func entry(
        _ columns: [Int: (FeatureType, [Value])], group: GroupID = 1, version: UInt32 = 1,
        _ operation: FeatureModel.Operation = .write
    ) throws -> RecordEntry {
        let sorted = columns.sorted { $0.key < $1.key }
        let built = try sorted.map { (ordinal: $0.key, column: try Column($0.value.0, $0.value.1)) }
        return RecordEntry(
            groupID: group, schemaVersion: version, operation: operation,
            batch: Batch(rowCount: built.first?.column.count ?? 0, columns: built))
    }

    /// Two good rows of `g`, with columns replaced, added, or taken out.
    func rows(
        _ changed: [Int: (FeatureType, [Value])] = [:], without: [Int] = [], _ operation: FeatureModel.Operation = .write
    ) throws -> RecordEntry {
        var columns: [Int: (FeatureType, [Value])] = [
            0: (.int64, [.int64(1), .int64(2)]), 1: (.string, [.string("x"), .string("")]),
            2: (.timestamp, [.timestamp(now), .timestamp(now - 1)]), 6: (.float32, [.float32(0), .float32(0.1)]),
        ]
        if operation == .delete { columns[6] = nil }
        for ordinal in without { columns[ordinal] = nil }
        return try entry(columns.merging(changed) { $1 }, operation)
    }

    func refusal(_ entries: RecordEntry...) -> String { message { _ = try catalog.checkWrite(entries, now: now) } }

    @Test func goodRowsAreNumberedThroughAllEntries() throws {
        let world = try entry([0: (.timestamp, [.timestamp(now)]), 2: (.int32, [.null])], group: 3)
        let table = try entry([0: (.int64, [.int64(1)]), 1: (.string, [.string("x")])], group: 2)
        let applied = try catalog.checkWrite([rows(), world, table, rows()], now: now)
        #expect(applied.map(\.firstRow) == [0, 2, 3, 4])
        #expect(applied.map(\.schema.groupID) == [1, 3, 2, 1])
        #expect(try catalog.appliedEntries([rows()])[0].eventTime(1, ingestTime: 5) == now - 1)
    }

    @Test func allNullFeaturesPassTheirChecks() throws {
        let types: [(Int, FeatureType)] = [
            (3, .float64), (4, .int32), (5, .string), (7, .array(.string)), (8, .timestamp), (9, .bytes), (10, .vector(2)),
        ]
        let columns = Dictionary(uniqueKeysWithValues: types.map { ($0, ($1, [Value.null, .null])) })
        _ = try catalog.checkWrite([rows(columns)], now: now)
    }

    @Test func unknownGroupsAndSchemaVersionsAreNamed() throws {
        #expect(refusal(try entry([:], group: 9)) == "no feature group has the id 9: look the group up again by name")
        #expect(
            refusal(try entry([:], version: 2)) == "g@1 has no schema version 2; the newest is 1: look the group up again "
                + "by name"
        )
        #expect(refusal() == "a write without any group: name at least one")
    }

    @Test func columnsMustBeThoseOfTheSchema() throws {
        #expect(
            refusal(try rows([4: (.int64, [.null, .null])]))
                == "nothing was written: g@1: column count is int64; schema version 1 has int32")
        #expect(
            refusal(try rows([10: (.vector(3), [.null, .null])]))
                == "nothing was written: g@1: column vec is vector(3); schema version 1 has vector(2)")
        #expect(
            refusal(try rows([12: (.int64, [.null, .null])]))
                == "nothing was written: g@1: column number 12; schema version 1 has 12 columns")
        #expect(refusal(try rows(without: [1])) == "nothing was written: g@1: column code is missing")
        #expect(refusal(try rows(without: [2])) == "nothing was written: g@1: column at is missing")
    }

    @Test func nullKeysAndEventTimesAreRefusedByRow() throws {
        #expect(
            refusal(try rows([0: (.int64, [.int64(1), .null]), 2: (.timestamp, [.null, .timestamp(now)])]))
                == "nothing was written: 2 bad values\ng@1 row 0, column at: null: an event time is never null\ng@1 row 1, "
                + "column id: null: a key is never null"
        )
    }

    @Test func longKeysAreRefused() throws {
        func keys(_ count: Int, _ character: String = "x") throws -> RecordEntry {
            try rows([1: (.string, [.string(ByteString(String(repeating: character, count: count))), .string("")])])
        }
        let most = Limits.keyBytesMax - 8 - 2
        #expect(refusal(try keys(most)) == "")
        #expect(
            refusal(try keys(most + 1))
                == "nothing was written: 1 bad value\ng@1 row 0, column code: a key of 4097 bytes; the limit is 4096")
        #expect(refusal(try keys(most / 2, "\0")) == "")
        #expect(refusal(try keys(most / 2 + 1, "\0")).hasSuffix("a key of 4098 bytes; the limit is 4096"))
    }

    @Test func eventTimesTooFarAheadAreRefused() throws {
        func at(_ time: Microseconds, group: GroupID = 1) throws -> RecordEntry {
            group == 1
                ? try rows([2: (.timestamp, [.timestamp(now), .timestamp(time)])])
                : try entry([0: (.timestamp, [.timestamp(time)])], group: group)
        }
        #expect(refusal(try at(now + 5 * minute)) == "")
        #expect(
            refusal(try at(now + 5 * minute + 1))
                == "nothing was written: 1 bad value\ng@1 row 1, column at: 2023-11-14T22:18:20.000001Z is more than 5m in "
                + "the future: correct it, or raise the group's 'ahead'"
        )
        #expect(refusal(try at(now + 60 * minute, group: 3)) == "")
        #expect(refusal(try at(now + 60 * minute + 1, group: 3)).contains("is more than 1h in the future"))
        #expect(refusal(try at(.min)).contains("stands for 'always'"))
    }

    @Test func deletesHoldKeysAndAnEventTimeAlone() throws {
        #expect(refusal(try rows([:], .delete)) == "")
        #expect(refusal(try rows(without: [2], .delete)) == "")
        #expect(
            refusal(try rows([3: (.float64, [.null, .null])], .delete))
                == "nothing was written: g@1: column temp in a delete, which has the key columns and the event time alone")
        #expect(
            refusal(try rows([2: (.timestamp, [.null, .timestamp(0)])], .delete)).hasSuffix(
                "row 0, column at: null: give an event time, or leave the column out: the delete then counts from now"))
        #expect(
            refusal(try rows([2: (.timestamp, [.timestamp(now + 6 * minute), .timestamp(0)])], .delete)).contains("in the future")
        )
        #expect(refusal(try rows(without: [0], .delete)) == "nothing was written: g@1: column id is missing")
        let known = try entry([1: (.timestamp, [.timestamp(0)])], group: 3, .delete)
        #expect(refusal(known).contains("column known in a delete"))
    }

    static let checked: [(Int, FeatureType, Value, String)] = [
        (3, .float64, .float64(-10.5), "column temp: -10.5 is below min -10"),
        (3, .float64, .float64(0.100001), "column temp: 0.100001 is above max 0.1"),
        (3, .float64, .float64(.nan), "column temp: NaN is outside min -10"),
        (3, .float64, .float64(.infinity), "column temp: inf is above max 0.1"),
        (4, .int32, .int32(0), "column count: 0 is below min 0.5"),
        (4, .int32, .int32(101), "column count: 101 is above max 100"),
        (5, .string, .string("c"), "column kind: 'c' is not one of a, bé"),
        (6, .float32, .null, "column small: null: not_null is set"),
        (6, .float32, .float32(0.11), "column small: 0.10999999940395355 is above max 0.10000000149011612"),
        (6, .float32, .float32(.nan), "column small: NaN is outside max 0.10000000149011612"),
        (7, .array(.string), .array([.null, .null, .null]), "column list: 3 elements; max_length is 2"),
        (8, .timestamp, .timestamp(0), "column born: 1970-01-01T00:00:00.000000Z is below min 1970-01-02T00:00:00.000000Z"),
        (9, .bytes, .bytes("ab"), "column raw: 2 bytes; max_length is 1"),
        (11, .int64, .int64(9_007_199_254_740_994), "column big: 9007199254740994 is above max 9007199254740993"),
    ]

    @Test(arguments: checked.indices)
    func eachCheckNamesRowColumnAndReason(index: Int) throws {
        let (ordinal, type, bad, reason) = Self.checked[index]
        let good: [Int: Value] = [6: .float32(0.1)]
        #expect(
            refusal(try rows([ordinal: (type, [good[ordinal] ?? .null, bad])]))
                == "nothing was written: 1 bad value\ng@1 row 1, \(reason)")
    }

    @Test func valuesOnTheBoundsPass() throws {
        let columns: [Int: (FeatureType, [Value])] = [
            3: (.float64, [.float64(-10), .float64(0.1)]), 4: (.int32, [.int32(1), .int32(100)]),
            5: (.string, [.string("a"), .string("bé")]), 7: (.array(.string), [.array([]), .array([.null, .null])]),
            9: (.bytes, [.bytes("a"), .bytes("")]), 11: (.int64, [.int64(.min), .int64(9_007_199_254_740_993)]),
        ]
        #expect(refusal(try rows(columns)) == "")
    }

    @Test func aMissingNotNullColumnIsNullInEveryRow() throws {
        #expect(
            refusal(try rows(without: [6])).hasSuffix(
                "g@1 row 1, column small: null: the column is missing, and not_null "
                    + "is set")
        )
    }

    @Test func theFirstTwentyBadRowsAreListedAndTheRestCounted() throws {
        let count = 1_000
        let many = try entry([
            0: (.int64, (0..<count).map { $0 % 2 == 0 ? .null : .int64(1) }), 1: (.string, (0..<count).map { _ in .string("x") }),
            2: (.timestamp, (0..<count).map { $0 % 2 == 1 ? .null : .timestamp(0) }),
            6: (.float32, (0..<count).map { _ in .float32(0) }),
        ])
        let lines = refusal(many).split(separator: "\n")
        #expect(lines.count == 22 && lines.first == "nothing was written: 1000 bad values" && lines.last == "and 980 more")
        #expect(lines.dropFirst().dropLast().map { $0.prefix { $0 != "," } } == (0..<20).map { "g@1 row \($0)" })
        #expect(
            message { _ = try catalog.checkWrite([rows(), many], now: now, rowsBefore: 500) }.contains(
                "g@1 row 500, column "
                    + "id"))
    }

    @Test func anOlderSchemaVersionIsCheckedAsItsOwn() throws {
        var newer = catalog
        try apply(
            """
            project: p
            feature_groups:
              - {name: table, entity: e, features: [{name: x, type: int64, checks: {max: 5}}, {name: y, type: bool}]}
            """, to: &newer)
        func x(_ type: FeatureType, _ value: Value, version: UInt32) throws -> RecordEntry {
            try entry([0: (.int64, [.int64(1)]), 1: (.string, [.string("x")]), 2: (type, [value])], group: 2, version: version)
        }
        #expect(try newer.checkWrite([x(.int32, .int32(5), version: 1)], now: now)[0].schema.schemaVersion == 1)
        #expect(try newer.checkWrite([x(.int64, .int64(5), version: 2)], now: now)[0].schema.schemaVersion == 2)
        #expect(
            message { _ = try newer.checkWrite([x(.int32, .int32(6), version: 1)], now: now) }.hasSuffix(
                "column x: 6 is above max 5"))
        #expect(throws: HeadwaterError.self) { try newer.checkWrite([x(.int64, .int64(5), version: 1)], now: now) }
    }
}
