import Engine
import FeatureModel
import Log
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Who is registered holds the log; who was forgotten must register again, where the log still holds what follows.
@Suite struct FollowerTests {
    private func filled(_ writes: Int, logBytesMax: Int = 200 << 10) throws -> Store {
        var options = Store.options
        options.logBytesMax = logBytesMax
        let store = try Store(MemoryStorage(), options: options)
        try store.define()
        _ = try store.online.forgetFollower(named: "offline")
        for _ in 0..<writes { try fill(store) }
        return store
    }

    private func fill(_ store: Store) throws {
        let rows = (0..<300).map { [Value.int64(Int64($0)), .timestamp(1_700_000_000_000_000), .float64(1), .string("n")] }
        try store.write(store.body("orders", rows: rows))
    }

    @Test func aForgottenFollowerCannotAcknowledgeItselfBack() throws {
        let store = try filled(1)
        try store.online.register(follower: "far", position: 1)
        try store.online.acknowledge(follower: "far", position: 2)
        #expect(try store.online.forgetFollower(named: "far") == 2)
        #expect(refusal { try store.online.acknowledge(follower: "far", position: 2) }?.code == .notFound)
        #expect(try store.online.followers().isEmpty)
        try store.online.register(follower: "far", position: 2)
        #expect(try store.online.followers().map(\.position) == [2])
    }

    @Test func anOfflineServiceThatRegisteredBeforeTheOwnerDidStaysWhereItIs() throws {
        let disk = MemoryStorage()
        try Store(disk).close()
        let checkpoint = FollowerCheckpoint(
            logID: Store.logID, id: OnlineEngine.localFollowerID, name: OnlineEngine.localFollowerName, position: 0,
            writerEpoch: 9)
        try FileLog(in: "data", disk).register(checkpoint)
        let store = try Store(disk)
        #expect(try store.online.followers() == [checkpoint])
    }

    @Test func anAcknowledgementNeverMovesBackButARegistrationDoes() throws {
        let store = try filled(2)
        try store.online.register(follower: "far", position: 3)
        try store.online.acknowledge(follower: "far", position: 1)
        #expect(try store.online.follower("far").position == 3)
        try store.online.register(follower: "far", position: 0)
        #expect(try store.online.follower("far").position == 0)
        for beyond in [99, .max] as [Position] {
            #expect(refusal { try store.online.register(follower: "far", position: beyond) }?.code == .failedPrecondition)
        }
        #expect(refusal { try store.online.acknowledge(follower: "far", position: 99) }?.code == .outOfRange)
    }

    @Test func aPositionThatTheLogHasLetGoCannotBeRegistered() throws {
        let store = try filled(20, logBytesMax: 1 << 30)
        try store.snapshot()
        let oldest = store.online.logRetention.oldestPosition
        #expect(oldest > 2)
        #expect(refusal { try store.online.register(follower: "far", position: oldest - 2) }?.code == .outOfRange)
        try store.online.register(follower: "far", position: oldest - 1)
        // Registered, it holds the log.
        for _ in 0..<20 { try fill(store) }
        try store.snapshot()
        #expect(store.online.logRetention.oldestPosition == oldest)
        let figures = try #require(try store.online.followerFigures().first)
        #expect(figures.position == oldest - 1 && figures.heldBytes == store.online.logRetention.retainedBytes)
        #expect(try store.heldBytes(behind: oldest - 1) <= figures.heldBytes && store.heldBytes(behind: oldest - 1) > 0)
        try store.online.acknowledge(follower: "far", position: store.online.state.current.durablePosition)
        #expect(try store.online.followerFigures().first?.heldBytes == 0)
    }

    @Test func aDeadFollowerStopsWritesUntilItIsForgottenOrComesBack() throws {
        for comesBack in [false, true] {
            let store = try filled(1)
            try store.online.register(follower: "far", position: 1)
            var refused: HeadwaterError?
            for _ in 0..<100 where refused == nil {
                refused = refusal { try fill(store) }
                try store.snapshot()
            }
            #expect(refused?.code == .resourceExhausted)
            #expect(refused?.message.contains("'far'") == true && refused?.message.contains("headwater log forget far") == true)
            if comesBack {
                try store.online.acknowledge(follower: "far", position: store.online.state.current.durablePosition)
                try store.online.trimLog()
            } else {
                _ = try store.online.forgetFollower(named: "far")
            }
            try fill(store)
        }
    }

    @Test func atMost64FollowersAreRegistered() throws {
        let store = try filled(1)
        for number in 0..<Limits.followersMax { try store.online.register(follower: ByteString("far-\(number)"), position: 1) }
        let refused = refusal { try store.online.register(follower: "one-more", position: 1) }
        #expect(refused?.code == .resourceExhausted && refused?.message.contains("headwater log forget") == true)
        // Those that are there may move, and whoever is let go makes room.
        try store.online.register(follower: "far-3", position: 2)
        _ = try store.online.forgetFollower(named: "far-4")
        try store.online.register(follower: "one-more", position: 1)
    }

    @Test func theLogDoesNotWaitForAFollowerThatIsAbsent() throws {
        let store = try filled(20, logBytesMax: 1 << 30)
        try store.online.register(follower: "gone", position: 1)
        try store.snapshot()
        #expect(store.online.logRetention.oldestPosition == 1)
        store.online.setAbsentFollowers(["gone"])
        try store.online.trimLog()
        let oldest = store.online.logRetention.oldestPosition
        #expect(oldest > 2 && store.online.logRetention.slowestFollower == nil)
        // It stays registered, and hears that it has to fetch the history where it comes back.
        #expect(try store.online.follower("gone").position == 1)
        #expect(refusal { try store.online.register(follower: "gone", position: 1) }?.code == .outOfRange)
    }
}
