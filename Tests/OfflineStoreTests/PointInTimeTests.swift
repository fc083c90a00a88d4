import FeatureModel
import OfflineStore
import StorageIO
import TestDisks
import Testing

/// The edges of the point-in-time join, each in memory and in chunks.
@Suite struct PointInTimeTests {
    private func store(_ records: [AppliedRecord], flushed: Bool) throws -> OfflineStore {
        let store = try openStore(MemoryStorage())
        for record in records { store.apply(record) }
        if flushed { try store.flush() }
        return store
    }

    private func expect(
        _ got: (Value, CellStatus), _ value: Value, _ status: CellStatus, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(got.0 == value && got.1 == status, sourceLocation: sourceLocation)
    }

    @Test(arguments: [false, true])
    func aRowHoldsFromItsEventTimeOn(flushed: Bool) throws {
        let store = try store([Weather.write(1, [(7, 100, 1.5)])], flushed: flushed)
        expect(try Weather.temp(store, station: 7, at: 99), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 100), .float64(1.5), .present)
        expect(try Weather.temp(store, station: 7, at: .max), .float64(1.5), .present)
        expect(try Weather.temp(store, station: 8, at: 100), .null, .notFound)
    }

    @Test(arguments: [false, true])
    func nullKeysAndNullTimesAreNotFoundAndNullFeaturesAreNullValue(flushed: Bool) throws {
        let store = try store([Weather.write(1, [(7, 100, nil)])], flushed: flushed)
        expect(try Weather.temp(store, station: nil, at: 100), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: nil), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 100), .null, .nullValue)
    }

    @Test(arguments: [false, true])
    func aRowJustMaxAgeOldIsInsideAndOneMicrosecondMoreIsOutside(flushed: Bool) throws {
        let store = try store([Weather.write(1, [(7, 100, 1), (8, .min, 2)])], flushed: flushed)
        expect(try Weather.temp(store, station: 7, at: 150, maxAge: 50), .float64(1), .present)
        expect(try Weather.temp(store, station: 7, at: 151, maxAge: 50), .null, .outsideMaxAge)
        // t - max_age saturates instead of wrapping round.
        expect(try Weather.temp(store, station: 8, at: .min + 3, maxAge: .max), .float64(2), .present)
        expect(try Weather.temp(store, station: 8, at: .max, maxAge: .max), .null, .outsideMaxAge)
    }

    @Test(arguments: [false, true])
    func tiesGoToTheGreaterPositionAndThenToTheGreaterRow(flushed: Bool) throws {
        let store = try store(
            [Weather.write(1, [(7, 5, 1), (7, 5, 2)]), Weather.write(2, [(7, 5, 3), (7, 5, 4)])], flushed: flushed)
        expect(try Weather.temp(store, station: 7, at: 5), .float64(4), .present)
        expect(try Weather.temp(store, station: 7, at: 5, asOf: 1), .float64(2), .present)
        expect(try Weather.temp(store, station: 7, at: 5, asOf: 0), .null, .notFound)
    }

    @Test(arguments: [false, true])
    func aLateRowFillsTheTimeBeforeTheNewerOneOnly(flushed: Bool) throws {
        let store = try store([Weather.write(1, [(7, 20, 2)]), Weather.write(2, [(7, 10, 1)])], flushed: flushed)
        expect(try Weather.temp(store, station: 7, at: 19), .float64(1), .present)
        expect(try Weather.temp(store, station: 7, at: 20), .float64(2), .present)
    }

    @Test(arguments: [false, true])
    func aTombstoneHidesWhatIsOlderAndANewerRowWins(flushed: Bool) throws {
        let store = try store(
            [
                Weather.write(1, [(7, 10, 1)]), Weather.delete(2, station: 7, time: 20), Weather.write(3, [(7, 15, 2)]),
                Weather.write(4, [(7, 30, 3)]),
            ], flushed: flushed)
        expect(try Weather.temp(store, station: 7, at: 14), .float64(1), .present)
        expect(try Weather.temp(store, station: 7, at: 19), .float64(2), .present)
        expect(try Weather.temp(store, station: 7, at: 20), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 29, maxAge: 1), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 30), .float64(3), .present)
    }

    @Test(arguments: [false, true])
    func availabilityIngestSeesOnlyWhatWasKnownTombstonesToo(flushed: Bool) throws {
        let store = try store(
            [
                Weather.write(1, ingest: 10, [(7, 5, 1)]), Weather.write(2, ingest: 50, [(7, 6, 2)]),
                Weather.delete(3, ingest: 60, station: 7, time: 7),
            ], flushed: flushed)
        expect(try Weather.temp(store, station: 7, at: 9, availability: .ingest), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 10, availability: .ingest), .float64(1), .present)
        expect(try Weather.temp(store, station: 7, at: 49, availability: .ingest), .float64(1), .present)
        expect(try Weather.temp(store, station: 7, at: 50, availability: .ingest), .float64(2), .present)
        expect(try Weather.temp(store, station: 7, at: 59, availability: .ingest), .float64(2), .present)
        expect(try Weather.temp(store, station: 7, at: 60, availability: .ingest), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 9, availability: .event), .null, .notFound)
    }

    @Test(arguments: [false, true])
    func aCutoffHidesOlderRowsFromItsPositionOnLateOnesToo(flushed: Bool) throws {
        let store = try store(
            [Weather.write(1, [(7, 10, 1), (7, 20, 2)]), Weather.cutoff(2, 20), Weather.write(3, [(7, 19, 3)])], flushed: flushed)
        expect(try Weather.temp(store, station: 7, at: 19, asOf: 1), .float64(1), .present)
        expect(try Weather.temp(store, station: 7, at: 19, asOf: 2), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 19), .null, .notFound)
        expect(try Weather.temp(store, station: 7, at: 20), .float64(2), .present)
    }

    @Test func keysAreComparedAsBytes() throws {
        let schema = GroupSchema(
            groupID: 4, schemaVersion: 1, keys: [Field("name", .string)], eventTimeName: nil, features: [Field("n", .int32)])
        let batch = try Batch(
            rowCount: 2,
            columns: [
                (0, Column(.string, [.string("\u{E9}"), .string("e\u{301}")])), (1, Column(.int32, [.int32(1), .int32(2)])),
            ])
        let store = try openStore(MemoryStorage())
        store.apply(
            AppliedRecord(
                position: 1, ingestTime: 0, .rows([AppliedEntry(schema: schema, operation: .write, batch: batch, firstRow: 0)]))
        )
        let lookup = Lookup(schema: schema, maxAge: 1, keys: [0], features: [Lookup.Feature(ordinal: 1, type: .int64)])
        let keys = [try Column(.string, [.string("e\u{301}"), .string("\u{E9}"), .string("e")])]
        let times = try Column(.timestamp, [.timestamp(.min), .timestamp(0), .timestamp(.max)])
        let joined = try store.view().join(spineTimes: times, keys: keys, [lookup], asOf: 1, availability: .event)
        #expect(joined[0][0].column.values == [.int64(2), .int64(1), .null])
    }

    @Test func positionsOutsideTheHistoryAreRefused() throws {
        let store = try store(
            [Weather.write(1, [(7, 10, 1)]), Weather.cutoff(2, 15), Weather.write(3, [(7, 20, 2)])], flushed: true)
        #expect { _ = try Weather.temp(store, station: 7, at: 10, asOf: 4) } throws: {
            ($0 as? HeadwaterError)?.code == .outOfRange
        }
        expect(try Weather.temp(store, station: 7, at: 10, asOf: 1), .float64(1), .present)
        let before = store.view()
        try store.compact()
        #expect(store.status().oldestAsOf == 2)
        #expect(store.status().groups.map(\.oldestAsOf) == [2])
        #expect { _ = try Weather.temp(store, station: 7, at: 10, asOf: 1) } throws: {
            ($0 as? HeadwaterError)?.code == .outOfRange
        }
        #expect(before.oldestAsOf == 0)
        #expect(try transcript(store.view(), Weather.schema).count == 1)
    }

    @Test func aJoinStopsWhenCancelledAndOverItsMemoryLimit() throws {
        let store = try store([Weather.write(1, [(7, 10, 1)])], flushed: true)
        let lookup = Lookup(schema: Weather.schema, keys: [0], features: [Lookup.Feature(ordinal: 2, type: .float64)])
        let keys = [try Column(.int64, (0..<100).map { .int64($0) })]
        let times = try Column(.timestamp, (0..<100).map { .timestamp($0) })
        let view = store.view()
        #expect {
            _ = try view.join(spineTimes: times, keys: keys, [lookup], asOf: 1, availability: .event, isCancelled: { true })
        } throws: {
            ($0 as? HeadwaterError)?.code == .cancelled
        }
        #expect {
            _ = try view.join(spineTimes: times, keys: keys, [lookup], asOf: 1, availability: .event, memoryLimitBytes: 1_000)
        } throws: {
            ($0 as? HeadwaterError)?.code == .resourceExhausted
        }
    }
}
