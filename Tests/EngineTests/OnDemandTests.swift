import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import TestDisks
import TestSupport
import Testing

/// Outputs that are worked out when they are asked for: the same bits online and offline.
@Suite struct OnDemandTests {
    private static let definitions = """
        project: shop
        entities:
          - {name: customer, keys: [{name: id, type: int64}]}
        feature_groups:
          - name: orders
            entity: customer
            event_time: at
            max_age: 1h
            features:
              - {name: f64, type: float64}
              - {name: f32, type: float32}
              - {name: i64, type: int64}
              - {name: i32, type: int32}
              - {name: b, type: bool}
              - {name: s, type: string}
              - {name: raw, type: bytes}
              - {name: t, type: timestamp}
              - {name: xs, type: array(float64)}
              - {name: words, type: array(string)}
              - {name: v, type: vector(3)}
          - {name: plain, entity: customer, event_time: none, features: [{name: level, type: int32}]}
        feature_services:
          - name: all
            request:
              - {name: q64, type: float64}
              - {name: q32, type: float32}
              - {name: qi, type: int64}
              - {name: qj, type: int32}
              - {name: qb, type: bool}
              - {name: qs, type: string}
              - {name: qraw, type: bytes}
              - {name: qt, type: timestamp}
              - {name: qxs, type: array(float64)}
              - {name: qv, type: vector(3)}
            features:
              - "orders:f64"
              - {feature: "orders:f64", as: other_f64, keys: {id: other}}
              - "orders:s"
              - {feature: "orders:b", hidden: true}
              - {feature: "orders:f32", hidden: true}
              - {feature: "orders:i64", hidden: true}
              - {feature: "orders:i32", hidden: true}
              - {feature: "orders:raw", hidden: true}
              - {feature: "orders:t", hidden: true}
              - {feature: "orders:xs", hidden: true}
              - {feature: "orders:words", hidden: true}
              - {feature: "orders:v", hidden: true}
              - {feature: "plain:level", hidden: true}

        """

    /// Expressions over every type, and over each other.
    private static let expressions = [
        ("ratio", "q64 / f64"), ("differs", "f64 - other_f64"), ("sum32", "f32 + q32"), ("whole", "i64 * qi + qj"),
        ("small", "i32"),
        ("either", "coalesce(i32, qj)"),
        ("logic", "b and qb or qi > 3"), ("text", "s || '-' || qs"), ("same", "qraw = raw"), ("age", "seconds_between(t, qt)"),
        ("hours", "hour(request_time())"), ("list", "list_sum(xs) + list_mean(qxs)"), ("given", "qxs"), ("near", "cosine(v, qv)"),
        ("vector", "qv"), ("first", "list_at(words, 1)"), ("shared", "jaccard(words, split(qs, ' '))"), ("there", "found(i64)"),
        ("known", "found(qi)"), ("twice", "ratio * 2 + sum32"), ("level_up", "level + qj"), ("hashed", "bucket(s, 10)"),
        ("since", "days_between(request_time(), t)"), ("words_too", "words"), ("raw_too", "raw"), ("t_too", "t"),
    ]

    private static var text: String {
        definitions
            + expressions.map { "      - {name: \($0.0), expr: \"\($0.1)\"}\n" }.joined()
    }

    /// A random cell of a type; null now and then.
    private func cell(_ type: FeatureType, _ random: inout SplitMix64) -> Value {
        if random.chance(0.2) { return .null }
        switch type {
        case .bool: return .bool(random.chance(0.5))
        case .int32: return .int32(random.pick([0, 1, -7, .max, .min, 3]))
        case .int64: return .int64(random.pick([0, 1, -7, .max, .min, 1 << 53 + 1]))
        case .float32: return .float32(random.pick([0, -0.0, 1.5, .infinity, .nan, 3.4e38, -2.25]))
        case .float64: return .float64(random.pick([0, -0.0, 1.5, .infinity, .nan, 1e308, -2.25, .leastNonzeroMagnitude]))
        case .string: return .string(ByteString(random.pick(["", "a", "a b", "é", "b c d"])))
        case .bytes: return .bytes(ByteString(random.pick(["", "a", "xyz"])))
        case .timestamp: return .timestamp(random.pick([0, -1, 1_700_000_000_000_000, -62_135_596_800_000_000]))
        case .array(let element): return .array((0..<Int(random.next() % 4)).map { _ in cell(element, &random) })
        case .vector(let count): return .vector((0..<count).map { _ in random.pick([0, 1, -2.5, 1e30]) })
        }
    }

    @Test func getsAndHistoriesGiveTheSameBits() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix64(seed: seed)
        let store = try Store(MemoryStorage())
        try store.define(Self.text)
        let types = store.schema("orders").features.map(\.type)
        for id: Int64 in 0..<12 {
            for _ in 0..<3 {
                // Some are older than max_age when they are read.
                let at = store.now - random.pick([0, 30 * 60_000_000, 90 * 60_000_000])
                let row = [.int64(id), .timestamp(at)] + types.map { cell($0, &random) }
                try store.write(try store.body("orders", rows: [row]))
            }
            try store.write(try store.body("plain", rows: [[.int64(id), cell(.int32, &random)]]))
        }
        try store.follow()
        let plan = try store.online.state.catalog.resolve(project: "shop", .service("all"))
        #expect(plan.keys.map(\.name) == ["id", "other"] && plan.request.count == 10)
        let rows = 200
        var columns: [Column] = []
        for _ in plan.keys {
            columns.append(
                try Column(.int64, (0..<rows).map { _ in random.chance(0.1) ? .null : .int64(Int64(random.next() % 14)) }))
        }
        for field in plan.request { columns.append(try Column(field.type, (0..<rows).map { _ in cell(field.type, &random) })) }
        let served = try OnlineReads.get(plan, columns: columns, rowCount: rows, from: store.online.store, now: store.now)
        let times = try Column(.timestamp, Array(repeating: Value.timestamp(store.now), count: rows))
        let nulls = ExpressionNulls()
        let view = store.offline.store.view()
        let joined = try OfflineReads.history(
            plan, columns: columns, times: times, view: view, asOf: view.position, availability: .event, eventTimes: true,
            memoryLimitBytes: .max, nulls: nulls, isCancelled: { false })
        // Through a handle too, as a server does it.
        let handle = PreparedGet(
            try HandleTable.Entry(project: "shop", .service("all"), fullNames: false, catalog: store.online.state.catalog),
            catalog: { store.online.state.catalog })
        let answer = try handle.evaluate(
            columns, rowCount: rows, by: OnlineReader(store.online.store), now: store.now, eventTimes: true, bytesMax: .max)
        let packed = try PackedColumns(decoding: answer[...], types: plan.outputs.map(\.type))
        var present = 0
        for (place, output) in plan.outputs.enumerated() {
            for row in 0..<rows {
                let online = served.columns[place].value(row)
                let offline = joined[place].column.value(row)
                #expect(online.sameBits(as: offline), "seed \(seed): \(output.name) row \(row): \(online) and \(offline)")
                #expect(online.sameBits(as: packed.columns[place].value(row)), "seed \(seed): \(output.name) row \(row)")
                #expect(served.statuses[place][row] == joined[place].statuses[row], "seed \(seed): \(output.name) row \(row)")
                #expect(served.statuses[place][row] == packed.cellStatuses[place][row], "seed \(seed): \(output.name) row \(row)")
                if served.statuses[place][row] == .present { present += 1 }
                guard case .expression = output.source else { continue }
                #expect(served.statuses[place][row] == (online.isNull ? .nullValue : .present))
                #expect(joined[place].eventTimes[row] == EventTime.always && packed.eventTimes[place][row] == EventTime.always)
            }
        }
        #expect(present > 1_000, "seed \(seed): \(present) cells have values")
        #expect(nulls.current.reduce(0) { $0 + $1.count } > 0, "seed \(seed)")
    }

    @Test func aListWithoutKeysHasTheRowsOfItsRequest() throws {
        let store = try Store(MemoryStorage())
        try store.define(
            Store.definitions + "\n  - {name: sums, request: [{name: a, type: int64}], features: [{name: b, expr: \"a + 1\"}]}")
        let plan = try store.online.state.catalog.resolve(project: "shop", .service("sums"))
        let served = try OnlineReads.get(
            plan, columns: [try Column(.int64, [.int64(1), .null, .int64(.max)])], rowCount: 3, from: store.online.store, now: 0)
        #expect((0..<3).map { served.columns[0].value($0) } == [.int64(2), .null, .null])
    }

    @Test func whatExpressionsMakeIsBoundedAndOnlyNumbersAreWorkedOutWhereOthersWait() throws {
        let store = try Store(MemoryStorage())
        let grown = (0..<10).map { "      - {name: x\($0 + 1), expr: \"x\($0) || x\($0)\", hidden: true}\n" }.joined()
        try store.define(
            Store.definitions + "\n  - name: texts\n    request: [{name: x0, type: string}]\n    features:\n" + grown
                + "      - {name: last, expr: x10}\n"
                + "  - {name: numbers, request: [{name: a, type: int64}], features: [{name: b, expr: \"a * a + 1\"}]}\n")
        let catalog = store.online.state.catalog
        func handle(_ service: String) throws -> PreparedGet {
            PreparedGet(
                try HandleTable.Entry(project: "shop", .service(service), fullNames: false, catalog: catalog),
                catalog: { catalog })
        }
        let (texts, numbers) = (try handle("texts"), try handle("numbers"))
        #expect(!texts.isQuick(rowCount: 1) && numbers.isQuick(rowCount: 1_000) && !numbers.isQuick(rowCount: 1_000_000))
        let reader = OnlineReader(store.online.store)
        let column = try Column(.string, [.string("ab")])
        let answer = try texts.evaluate([column], rowCount: 1, by: reader, now: 0, eventTimes: false, bytesMax: 1 << 20)
        #expect(try PackedColumns(decoding: answer[...], types: [.string]).columns[0].bytes(0).count == 2_048)
        let error = #expect(throws: HeadwaterError.self) {
            try texts.evaluate([column], rowCount: 1, by: reader, now: 0, eventTimes: false, bytesMax: 1_000)
        }
        #expect(error?.code == .resourceExhausted && error?.location?.contains("expression x") == true)
        #expect(
            try texts.evaluate([.nulls(.string, count: 0)], rowCount: 0, by: reader, now: 0, eventTimes: false, bytesMax: 100)
                .count > 0)
    }
}

extension Value {
    /// Equal in every bit: NaN equals itself, and 0 is not -0.
    fileprivate func sameBits(as other: Value) -> Bool {
        switch (self, other) {
        case (.float64(let mine), .float64(let theirs)): mine.bitPattern == theirs.bitPattern
        case (.float32(let mine), .float32(let theirs)): mine.bitPattern == theirs.bitPattern
        case (.array(let mine), .array(let theirs)):
            mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0.sameBits(as: $1) }
        case (.vector(let mine), .vector(let theirs)): mine.map(\.bitPattern) == theirs.map(\.bitPattern)
        default: self == other
        }
    }
}
