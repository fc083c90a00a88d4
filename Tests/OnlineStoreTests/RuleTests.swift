import FeatureModel
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// The rules of meaning, one by one; each holds in the live map and again in a snapshot.
struct RuleTests {
    let store: OnlineStore

    init() throws { store = try openStore(MemoryStorage()) }

    /// Runs the same expectations on the live map, a frozen one, and a snapshot.
    func everywhere(_ body: () throws -> Void) throws {
        try body()
        let cut = store.beginSnapshot()
        try body()
        try store.adopt(store.writeSnapshot(cut, extra: []))
        try body()
    }

    @Test func lateRowNeverOverwritesANewerOne() throws {
        store.apply(writing(1, [(7, 100, 1)]))
        store.apply(writing(2, [(7, 99, 2)]))
        try everywhere { try #expect(store.cell(7) == .present(1)) }
        store.apply(writing(3, [(7, 50, 3)]))
        try everywhere { try #expect(store.cell(7) == .present(1)) }
    }

    @Test func tiesGoToThePositionThenToTheRow() throws {
        store.apply(writing(1, [(7, 100, 1), (7, 100, 2)]))
        #expect(try store.cell(7) == .present(2))
        store.apply(writing(2, [(7, 100, 3)]))
        try everywhere { try #expect(store.cell(7) == .present(3)) }
    }

    @Test func recordIsAppliedOnce() throws {
        store.apply(writing(5, [(7, 100, 1)]))
        store.apply(writing(5, [(7, 100, 2)]))
        store.apply(writing(4, [(7, 200, 3)]))
        #expect(store.appliedPosition == 5)
        #expect(store.ingestTimeHighWater == 50)
        try everywhere { try #expect(store.cell(7) == .present(1)) }
    }

    @Test func tombstoneHidesWhatIsOlderAndANewerRowWins() throws {
        store.apply(writing(1, [(7, 100, 1)]))
        store.apply(deleting(2, ids: [7, 8], at: 150))
        store.apply(writing(3, [(7, 140, 2)]))
        try everywhere {
            try #expect(store.cell(7) == .notFound)
            try #expect(store.cell(8) == .notFound)
        }
        #expect(try store.view().statistics()[1]?.tombstones == 2)
        store.apply(writing(4, [(7, 160, 3)]))
        try everywhere { try #expect(store.cell(7) == .present(3)) }
    }

    @Test func tombstoneWithoutATimeHasTheIngestTime() throws {
        store.apply(writing(1, [(7, 19, 1), (8, 21, 2)]))
        store.apply(deleting(2, ids: [7, 8], at: nil))
        #expect(try store.cell(7) == .notFound)
        #expect(try store.cell(8) == .present(2))
    }

    @Test func cutoffHidesOlderRowsAndThoseThatArriveLater() throws {
        store.apply(writing(1, [(1, 99, 1), (2, 100, 2), (3, 101, 3)]))
        store.apply(deleting(2, ids: [4], at: 99))
        store.apply(cutting(3, before: 100))
        store.apply(writing(4, [(5, 99, 5), (6, 100, 6)]))
        store.apply(cutting(5, before: 50))  // a lower one changes nothing
        try everywhere {
            try #expect(store.cell(1) == .notFound)
            try #expect(store.cell(2) == .present(2))
            try #expect(store.cell(5) == .notFound)
            try #expect(store.cell(6) == .present(6))
        }
        var kept = 0
        try store.view().forEachRow(of: 1) { _ in kept += 1 }
        #expect(kept == 3)
        #expect(store.statisticsAtMost[1]?.rows == 3)  // the snapshot has dropped the others
        #expect(store.view().cutoff(of: 1) == 100)
    }

    @Test func rowJustMaxAgeOldIsInside() throws {
        store.apply(writing(1, [(7, 1_000, 1)]))
        try everywhere {
            try #expect(store.cell(7, maxAge: 500, now: 1_500) == .present(1))
            try #expect(store.cell(7, maxAge: 500, now: 1_501) == .outsideMaxAge)
            try #expect(store.cell(7, maxAge: 0, now: 1_000) == .present(1))
            try #expect(store.cell(7, maxAge: 500, now: 0) == .present(1))
            try #expect(store.cell(7, maxAge: .max, now: .min) == .present(1))
            try #expect(store.cell(7, maxAge: .max, now: .max) == .present(1))
            try #expect(store.cell(7, maxAge: 0, now: .max) == .outsideMaxAge)
            try #expect(store.cell(8, maxAge: 0, now: .max) == .notFound)
        }
        let answer = try store.get(query([7, 8], maxAge: 1), now: 1_001)
        #expect(answer.eventTimes.values == [.timestamp(1_000), .null])
        #expect(answer.rowStatuses[0] == .present && answer.rowStatuses[1] == .notFound)
    }

    @Test func staticRowHasNoAge() throws {
        let schema = GroupSchema(
            groupID: 2, schemaVersion: 1, keys: [Field("id", .int64)], eventTimeName: nil, features: [Field("f", .string)])
        let text = try Column(.string, [.string("a"), .string("b")])
        for position: Position in 1...2 {
            store.apply(
                AppliedRecord(
                    position: position, ingestTime: 1,
                    .rows([
                        AppliedEntry(
                            schema: schema, operation: .write,
                            batch: Batch(
                                rowCount: 1, columns: [(0, int64s([7])), (1, text.gather([Int(position) - 1]))]), firstRow: 0)
                    ])))
        }
        try everywhere {
            let result = try store.get(
                OnlineQuery(
                    groupID: 2, features: [Lookup.Feature(ordinal: 1, type: .string)], maxAge: 0, keyColumns: [int64s([7])]),
                now: .max)
            #expect(result.columns[0].values == [.string("b")])
            #expect(result.eventTimes.values == [.null])
        }
    }

    @Test func nullsAreNullAndNullKeysAreNotFound() throws {
        store.apply(writing(1, [(7, 100, nil), (0, 100, 5)]))
        try everywhere {
            let result = try store.get(query([7, nil, 0, 7]), now: 0)
            #expect(result.columns[0].values == [.null, .null, .int64(5), .null])
            #expect((0..<4).map { result.statuses[0][$0] } == [.nullValue, .notFound, .present, .nullValue])
            #expect(result.position == 1)
        }
    }

    @Test func queriesOfNoRowsAndUnknownGroupsAnswer() throws {
        #expect(try store.get(query([]), now: 0).columns[0].count == 0)
        #expect(try store.cell(7) == .notFound)
    }

    @Test func globalGroupHasOneRow() throws {
        let schema = GroupSchema(groupID: 3, schemaVersion: 1, keys: [], eventTimeName: "t", features: [Field("f", .int64)])
        let batch = Batch(rowCount: 1, columns: [(0, timestamps([5])), (1, int64s([9]))])
        store.apply(
            AppliedRecord(
                position: 1, ingestTime: 1,
                .rows([AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)])))
        try everywhere {
            for count in [0, 1, 3] {
                let result = try store.get(
                    OnlineQuery(
                        groupID: 3, features: [Lookup.Feature(ordinal: 1, type: .int64)], maxAge: nil, keyColumns: [],
                        rowCount: count), now: 0)
                #expect(result.columns[0].values == Array(repeating: .int64(9), count: count))
            }
        }
    }

    @Test func queryThatDoesNotFitTheGroupIsRefused() throws {
        store.apply(writing(1, [(7, 100, 1)]))
        let feature = Lookup.Feature(ordinal: 2, type: .int64)
        func code(_ features: [Lookup.Feature], _ keys: [Column]) -> StatusCode? {
            refusal {
                try store.get(OnlineQuery(groupID: 1, features: features, maxAge: nil, keyColumns: keys), now: 0)
            }?.code
        }
        #expect(code([feature], [int64s([7])]) == nil)
        #expect(code([Lookup.Feature(ordinal: 1, type: .timestamp)], [int64s([7])]) == .invalidArgument)
        #expect(code([Lookup.Feature(ordinal: 2, type: .int32)], [int64s([7])]) == .failedPrecondition)
        #expect(code([Lookup.Feature(ordinal: 9, type: .int32)], [int64s([7])]) == nil)
    }

    @Test func rowChangedBehindTheLogIsServedAndSeenByAView() throws {
        store.apply(writing(1, [(7, 100, 1), (8, 100, 2)]))
        store.apply(deleting(2, ids: [8], at: 200))
        try store.snapshot()
        let keys = [int64s([7, 8, 9])]
        func replace(_ row: Int) throws -> Bool {
            try store.replaceRowBehindTheLog(groupID: 1, key: KeyCodec.key(keys, row: row)!, features: [int64s([66])], row: 0)
        }
        #expect(try replace(0))
        #expect(try !replace(1))
        #expect(try !replace(2))
        try everywhere {
            try #expect(store.cell(7) == .present(66))
            var orders: [RowOrder] = []
            try store.view().forEachRow(of: 1) { orders.append($0.order) }
            #expect(orders.contains(RowOrder(eventTime: 100, position: 1, row: 0)))
            #expect(orders.count == 2)
        }
    }
}
