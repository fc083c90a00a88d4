import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

@testable import Engine

/// Promise P6 where the log lost something: a position that a client
/// holds is answered with what it shows, or refused; never stale.
@Suite struct PositionTests {
    private let time: Microseconds = 1_700_000_000_000_000

    private static var interval: OnlineOptions {
        var options = Store.options
        options.durability = .interval(1_000_000)
        return options
    }

    private func write(_ store: Store, id: Int) throws -> Position {
        try store.write(store.body("orders", rows: [[.int64(Int64(id)), .timestamp(time), .float64(1), .string("n")]])).0.position
    }

    private func online(_ store: Store) -> KnownPositions {
        let state = store.online.state.current
        return KnownPositions(applied: store.online.store.appliedPosition, gaps: state.gaps, last: state.lastPosition)
    }

    private func offline(_ store: Store, last: Position? = nil) -> KnownPositions {
        KnownPositions(applied: store.offline.store.appliedPosition, gaps: store.offline.state.gaps, last: last)
    }

    private func code(_ known: KnownPositions, _ position: Position) -> StatusCode? {
        refusal { try known.check(position) }?.code
    }

    @Test(arguments: 0..<20)
    func whatAPowerCutTookIsDataLossInBothStores(seed: Int) throws {
        var disk = MemoryStorage()
        var store = try Store(disk, options: Self.interval)
        try store.define()
        for id in 0..<5 { _ = try write(store, id: id) }
        store.online.sync()
        let durable = store.online.state.current.durablePosition
        var acknowledged: [(id: Int, position: Position)] = []
        for id in 10..<30 { acknowledged.append((id, try write(store, id: id))) }
        #expect(acknowledged.allSatisfy { code(online(store), $0.position) == nil })
        disk = disk.crash(seed: UInt64(seed))
        store = try Store(disk, options: Self.interval, now: store.now)
        // Before the offline service has come to the gap it does not know: it waits, and asks again when it has.
        #expect(code(offline(store), acknowledged[0].position) == nil)
        try store.follow()
        var lost = 0
        for (id, position) in acknowledged {
            let isThere = try store.get("orders:amount", id: Int64(id), at: time).1 == .present
            let expected: StatusCode? = isThere ? nil : .dataLoss
            #expect(code(online(store), position) == expected, "seed \(seed), position \(position)")
            #expect(code(offline(store), position) == expected, "seed \(seed), position \(position)")
            lost += isThere ? 0 : 1
        }
        #expect(code(online(store), durable) == nil && code(offline(store), durable) == nil)
        let next = try write(store, id: 99)
        #expect(next > acknowledged.last!.position, "a position is never used twice")
        #expect(code(online(store), next) == nil && code(online(store), next + 1) == .outOfRange)
        print("seed \(seed): \(lost) of \(acknowledged.count) acknowledged positions lost, all said to be")
    }

    @Test func aLogFromAnOlderCopySaysDataLossOrBeyondItsEndNeverStale() throws {
        let disk = MemoryStorage()
        let store = try Store(disk, options: Self.interval)
        try store.define()
        _ = try write(store, id: 1)
        store.online.sync()
        // A copy as a file system would give it now; life goes on without it.
        let copy = disk.kill()
        let restored = try Store(copy, options: Self.interval, now: store.now)
        try restored.follow()
        let bounds = try FileLog(in: "data", copy).bounds()
        let last = restored.online.state.current.lastPosition
        for position in last - 20...bounds.reserve + 100 where position > 0 {
            let said = [code(online(restored), position), code(offline(restored, last: last), position)]
            if position > last {
                #expect(said == [.outOfRange, .outOfRange], "position \(position)")
            } else {
                let isGap = restored.online.state.current.gaps.contains { $0.contains(position) && position < $0.upperBound }
                #expect(said == (isGap ? [.dataLoss, .dataLoss] : [nil, nil]), "position \(position)")
            }
        }
    }

    /// What an offline service may say by the log's files alone: it must never refuse a position that was acknowledged.
    @Test func theReserveIsBeyondEveryPositionGivenOut() throws {
        let disk = MemoryStorage()
        let store = try Store(disk, options: Self.interval)
        try store.define()
        for id in 0..<300 {
            let position = try write(store, id: id)
            let bounds = try FileLog(in: "data", disk).bounds()
            #expect(position <= bounds.reserve && bounds.durablePosition <= bounds.reserve)
        }
        try store.close()
        let bounds = try FileLog(in: "data", disk).bounds()
        #expect(bounds.reserve == bounds.durablePosition, "a clean end tells the last position itself")
    }
}
