import Engine
import FeatureModel
import Log
import OnlineStore
import StorageIO
import TestDisks
import TestSupport
import Testing

/// Time that is never undone: neither earlier than the truth, nor led astray by a wall clock that jumps.
@Suite struct TrustedClockTests {
    private static let second: Microseconds = 1_000_000
    private static let year: Microseconds = 365 * 86_400 * second
    private static let start: Microseconds = 1_700_000_000 * second
    private static let boot = BootTime.BootID(high: 1, low: 2)
    private static let nextBoot = BootTime.BootID(high: 1, low: 3)

    private static func at(_ seconds: Int64, _ boot: BootTime.BootID = boot) -> BootTime {
        BootTime(boot: boot, elapsed: seconds * second)
    }

    private static func clock() -> TrustedClock {
        TrustedClock(wall: start, boot: at(100), kept: nil, lastIngestTime: nil)
    }

    /// Looks at the clock so many seconds after its start.
    private static func look(_ clock: inout TrustedClock, _ seconds: Int64, wallAhead: Microseconds = 0) -> Microseconds {
        clock.now(wall: start + seconds * second + wallAhead, elapsed: (100 + seconds) * second) - start
    }

    @Test(arguments: [0, 1, 299, 300])
    func aWallClockThatGainedFiveMinutesOrLessIsFollowed(seconds: Int64) {
        var clock = Self.clock()
        #expect(Self.look(&clock, 10, wallAhead: seconds * Self.second) == (10 + seconds) * Self.second)
        #expect(clock.isFollowing && clock.wallAhead == 0)
    }

    @Test(arguments: [301, 3_600, 10 * 365 * 86_400])
    func aWallClockThatGainedMoreIsNotFollowed(seconds: Int64) {
        var clock = Self.clock()
        for second in 1...20 {
            let now = Self.look(&clock, Int64(second), wallAhead: seconds * Self.second)
            #expect(now == Int64(second) * Self.second)
        }
        #expect(!clock.isFollowing && clock.wallAhead == seconds * Self.second)
        #expect(clock.ageTime == Self.start + 20 * Self.second)
        // It is again when it comes back.
        #expect(Self.look(&clock, 21, wallAhead: Self.second) == 22 * Self.second)
        #expect(clock.isFollowing)
    }

    @Test(arguments: [-1, -3_600, -365 * 86_400])
    func timeGoesOnWhereTheWallClockFellBack(seconds: Int64) {
        var clock = Self.clock()
        let now = Self.look(&clock, 10, wallAhead: seconds * Self.second)
        // Late at worst: an ingest time is never earlier than the truth. Ages are counted from the earlier of the two.
        #expect(now == 10 * Self.second && clock.ageTime == Self.start + (10 + seconds) * Self.second)
    }

    @Test func driftIsFollowedForYears() {
        var clock = Self.clock()
        for day in 1...1_000 {
            let drift = Int64(day) * 5 * Self.second
            #expect(Self.look(&clock, Int64(day) * 86_400, wallAhead: drift) == Int64(day) * 86_400 * Self.second + drift)
        }
        #expect(clock.isFollowing)
    }

    @Test func timeNeverFallsHoweverTheClocksJump() {
        for seed in testSeeds {
            var random = SplitMix64(seed: seed)
            var clock = Self.clock()
            var last: Microseconds = 0
            var ahead: Microseconds = 0
            for second in 1...500 {
                if random.chance(0.2) { ahead += Microseconds(random.int(-4_000...4_000)) * Self.second }
                let now = Self.look(&clock, Int64(second), wallAhead: ahead)
                #expect(now >= last && now >= Int64(second) * Self.second)
                #expect(clock.ageTime <= clock.last)
                last = now
            }
        }
    }

    @Test func timeWithoutAServerCountsAsPassedWhileTheMachineIsOn() {
        let kept = ClockMark(wall: Self.start, boot: Self.at(100))
        // Nine hours later, by a wall clock that says so, by one that stands, and by one that jumped.
        for wallAhead in [0, -9 * 3_600 * Self.second, Self.year] {
            let passed = 9 * 3_600 * Self.second
            let clock = TrustedClock(
                wall: Self.start + passed + wallAhead, boot: Self.at(100 + 9 * 3_600), kept: kept, lastIngestTime: Self.start)
            #expect(clock.last == Self.start + passed)
            #expect(clock.isFollowing == (wallAhead == 0))
        }
    }

    @Test func aStartOfTheMachineBelievesTheWallClockUpToAYearAhead() {
        let kept = ClockMark(wall: Self.start, boot: Self.at(100))
        func start(_ ahead: Microseconds, kept: ClockMark?, last: Microseconds?) -> TrustedClock {
            TrustedClock(wall: Self.start + ahead, boot: Self.at(5, Self.nextBoot), kept: kept, lastIngestTime: last)
        }
        #expect(start(Self.year / 2, kept: kept, last: Self.start).last == Self.start + Self.year / 2)
        #expect(start(2 * Self.year, kept: kept, last: Self.start).last == Self.start)
        #expect(start(2 * Self.year, kept: nil, last: Self.start).isFollowing == false)
        // A store that was only read was in use too; a new one has nothing to hold against.
        #expect(
            start(2 * Self.year, kept: ClockMark(wall: Self.start + Self.year * 3 / 2, boot: Self.at(1)), last: Self.start)
                .isFollowing)
        #expect(start(2 * Self.year, kept: nil, last: nil).isFollowing)
        // One that starts in the past is no reason to go back.
        #expect(start(-Self.year, kept: nil, last: Self.start).last == Self.start)
    }

    @Test func anAcceptedWallClockIsFollowedEitherWay() {
        for ahead in [10 * Self.year, -Self.year] {
            var clock = Self.clock()
            _ = Self.look(&clock, 5, wallAhead: ahead)
            #expect(!clock.isFollowing)
            clock.accept(wall: Self.start + 5 * Self.second + ahead, elapsed: 105 * Self.second)
            #expect(Self.look(&clock, 6, wallAhead: ahead) == 6 * Self.second + ahead)
            #expect(clock.isFollowing && clock.hasMoved(from: ClockMark(wall: Self.start, boot: Self.at(100))))
        }
    }

    // MARK: In an engine

    private static func open(_ disk: MemoryStorage, wall: Microseconds, _ boot: BootTime?) throws -> OnlineEngine {
        try OnlineEngine.open(
            storage: disk, dataDirectory: "data", options: Store.options, newLogID: Store.logID, seed: 7, now: wall, boot: boot)
    }

    @Test func anOwnerLeavesItsClockBesideTheLog() throws {
        let disk = MemoryStorage()
        let first = try Self.open(disk, wall: Self.start, Self.at(100))
        #expect(try FileLog(in: "data", disk).clockMark(of: Store.logID) == ClockMark(wall: Self.start, boot: Self.at(100)))
        try first.close()
        let second = try Self.open(disk, wall: Self.start + 10 * Self.year, Self.at(160))
        #expect(second.clockAtOpen?.last == Self.start + 60 * Self.second && second.clockAtOpen?.isFollowing == false)
        var clock = try #require(second.clockAtOpen)
        clock.accept(wall: Self.start + 10 * Self.year, elapsed: 160 * Self.second)
        second.keep(clock) { Issue.record("\($0)") }
        try second.close()
        let third = try Self.open(disk, wall: Self.start + 10 * Self.year + Self.second, Self.at(161))
        #expect(third.clockAtOpen?.isFollowing == true)
        try third.close()
    }

    @Test func aLostOrDamagedClockFileIsAsNone() throws {
        for cut in [0, 1, 60, 127] {
            let disk = MemoryStorage()
            try Self.open(disk, wall: Self.start, Self.at(100)).close()
            var bytes = try disk.readAll("data/log/clock")
            #expect(bytes.count == 128)
            bytes[cut] ^= 1
            try disk.replaceAtomically("data/log/clock", bytes)
            var notices: [String] = []
            let engine = try OnlineEngine.open(
                storage: disk, dataDirectory: "data", options: Store.options, newLogID: Store.logID, seed: 7,
                now: Self.start + 3_600 * Self.second, boot: Self.at(101), notice: { notices.append($0) })
            #expect(notices.count == 1 && notices[0].contains("log/clock"))
            #expect(engine.clockAtOpen?.last == Self.start + 3_600 * Self.second)
            try engine.close()
            // What was damaged is whole again.
            #expect(try FileLog(in: "data", disk).clockMark(of: Store.logID)?.boot == Self.at(101))
            try disk.remove("data/log/clock")
            try Self.open(disk, wall: Self.start + 7_200 * Self.second, Self.at(102)).close()
        }
    }

    @Test func theClockOfAnotherLogIsAsNone() throws {
        let disk = MemoryStorage()
        try Self.open(disk, wall: Self.start, Self.at(100)).close()
        let other = LogID((0..<16).map { _ in 9 })
        try FileLog(in: "data", disk).keep(ClockMark(wall: Self.start + 10 * Self.year, boot: Self.at(100)), of: other)
        let engine = try Self.open(disk, wall: Self.start, Self.at(101))
        #expect(engine.clockAtOpen?.isFollowing == true)
        try engine.close()
    }

    @Test func aClockOfANewerFormatIsRefusedUntouched() throws {
        let disk = MemoryStorage()
        try Self.open(disk, wall: Self.start, Self.at(100)).close()
        var bytes = Array(try disk.readAll("data/log/clock").dropLast(4))
        bytes[12] = 2
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        try disk.replaceAtomically("data/log/clock", bytes)
        #expect(refusal { try Self.open(disk, wall: Self.start, Self.at(101)) }?.code == .failedPrecondition)
        #expect(try disk.readAll("data/log/clock") == bytes)
    }

    @Test func aGapAfterACrashIsNotStampedByAWallClockThatJumped() throws {
        let disk = MemoryStorage()
        let store = try Store(disk, now: Self.start)
        try store.define()
        let after = try Store(disk.crash(seed: 1), now: Self.start + 10 * Self.year)
        after.now = Self.start + 60 * Self.second
        guard case .openedProducer = try after.run(.openProducer) else { return }
        #expect(after.online.store.ingestTimeHighWater < Self.start + Self.year)
    }
}
