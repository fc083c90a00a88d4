import FeatureModel
import StorageIO
import TestDisks
import TestSupport
import Testing

/// What `MemoryStorage` keeps and loses when the power fails.
@Suite struct CrashTests {
    let storage = MemoryStorage()

    /// A file whose name and `bytes` are durable.
    private func durableFile(_ path: String, _ bytes: [UInt8]) throws -> any StorageFile {
        let file = try storage.open(path, .create)
        try file.write(bytes[...], at: 0)
        try file.sync()
        try storage.syncDirectory(".")
        return file
    }

    @Test func syncedBytesAndNamesSurvive() throws {
        _ = try durableFile("a", [1, 2, 3])
        let found = storage.crash(seed: 1, sectors: .lost)
        #expect(try found.readAll("a") == [1, 2, 3])
    }

    @Test func unsyncedNamesAreLostThoughTheFileWasSynced() throws {
        let file = try storage.open("a", .create)
        try file.write([1][...], at: 0)
        try file.sync()
        let found = storage.crash(seed: 1, sectors: .kept)
        #expect(try found.list(".") == [])
    }

    @Test func unsyncedBytesAreLostOrKeptBySector() throws {
        let file = try durableFile("a", [UInt8](repeating: 1, count: 2_048))
        try file.write([UInt8](repeating: 2, count: 1_000)[...], at: 500)
        let found = storage.crash(keepingSector: { path, sector in
            #expect(path == "a" && (0...2).contains(sector))
            return sector == 1
        })
        let expected = [UInt8](repeating: 1, count: 512) + [UInt8](repeating: 2, count: 512) + [UInt8](repeating: 1, count: 1_024)
        #expect(try found.readAll("a") == expected)
    }

    @Test func grownFileEndsAtItsLastKeptSector() throws {
        let file = try durableFile("a", [1])
        try file.write([UInt8](repeating: 2, count: 2_000)[...], at: 1)
        let found = storage.crash(keepingSector: { _, sector in sector == 2 })
        #expect(try found.readAll("a") == [1] + [UInt8](repeating: 0, count: 1_023) + [UInt8](repeating: 2, count: 512))
    }

    @Test(arguments: [true, false])
    func unsyncedTruncationIsKeptOrLost(isKept: Bool) throws {
        let file = try durableFile("a", [UInt8](repeating: 1, count: 1_500))
        try file.truncate(to: 600)
        let found = storage.crash(keepingSector: { _, _ in isKept })
        #expect(try found.readAll("a").count == (isKept ? 600 : 1_500))
    }

    @Test func renameWithoutDirectorySyncLeavesTheOldFile() throws {
        _ = try durableFile("a", [1])
        _ = try durableFile("b", [2])
        try storage.rename("a", to: "b")
        let changes = storage.crash(seed: 1)
        #expect(try changes.readAll("a") == [1])
        #expect(try changes.readAll("b") == [2])
    }

    @Test func directoryChangesCanSurviveByThemselvesInOrder() throws {
        _ = try durableFile("a", [1])
        try storage.rename("a", to: "b")
        _ = try storage.open("c", .create)
        let first = storage.crash(
            keepingSector: { _, _ in false },
            keepingChanges: { directory, count in
                #expect(directory == "." && count == 2)
                return 1
            })
        #expect(try first.list(".") == ["b"])
        #expect(try first.readAll("b") == [1])
    }

    @Test func removedFileComesBackUnlessItsDirectoryWasSynced() throws {
        _ = try durableFile("a", [1])
        try storage.remove("a")
        #expect(storage.crash(seed: 1).exists("a"))
        let second = MemoryStorage()
        try second.open("a", .create).sync()
        try second.syncDirectory(".")
        try second.remove("a")
        try second.syncDirectory(".")
        #expect(!second.crash(seed: 1).exists("a"))
    }

    @Test func handlesOpenedBeforeTheCrashFail() throws {
        let file = try durableFile("a", [1])
        let page = try storage.mapShared(durablePage(), byteCount: 8, writable: true)
        let found = storage.crash(seed: 1)
        #expect(code { _ = try file.read(at: 0, count: 1) } == .unavailable)
        #expect(code { try file.sync() } == .unavailable)
        #expect(code { try page.sync() } == .unavailable)
        #expect(code { _ = try storage.open("a", .read) } == .unavailable)
        #expect(try found.open("a", .readWrite).size() == 1)
    }

    @Test func locksVanishInACrashAndLateReleasesDoNoHarm() throws {
        _ = try durableFile("lock", [])
        let old = try storage.lock("lock", exclusive: true)
        let found = storage.crash(seed: 1)
        let new = try found.lock("lock", exclusive: true)
        old.release()
        #expect(code { _ = try found.lock("lock", exclusive: true) } == .failedPrecondition)
        new.release()
    }

    @Test func killKeepsUnsyncedBytesUntilThePowerFails() throws {
        let file = try durableFile("a", [1])
        let lock = try storage.lock("lock", exclusive: true)
        try file.write([2][...], at: 0)
        let next = storage.kill()
        #expect(try next.readAll("a") == [2])
        let taken = try next.lock("lock", exclusive: true)
        lock.release()
        #expect(code { _ = try next.lock("lock", exclusive: true) } == .failedPrecondition)
        #expect(code { _ = try file.size() } == .unavailable)
        #expect(try next.crash(seed: 1, sectors: .lost).readAll("a") == [1])
        taken.release()
    }

    private func durablePage() throws -> String {
        _ = try durableFile("page", [UInt8](repeating: 0, count: 64))
        return "page"
    }

    @Test func sharedPageIsDurableOnceItIsSynced() throws {
        let page = try storage.mapShared(durablePage(), byteCount: 64, writable: true)
        page.store(1, word: 0)
        try page.sync()
        page.store(2, word: 0)
        let found = storage.crash(seed: 1, sectors: .lost)
        #expect(try found.mapShared("page", byteCount: 64, writable: false).load(word: 0) == 1)
    }

    @Test func fullDiskTakesWhatFitsAndGoesOnAfterSpaceIsFreed() throws {
        let small = MemoryStorage(capacityBytes: 10)
        let file = try small.open("a", .create)
        #expect(code { try file.write([UInt8](repeating: 1, count: 12)[...], at: 0) } == .resourceExhausted)
        #expect(try file.size() == 10)
        #expect(try small.freeBytes(".") == 0)
        try file.write([2][...], at: 9)
        try small.remove("a")
        #expect(try small.freeBytes(".") == 10)
        let other = try small.open("b", .create)
        #expect(code { try other.write([1][...], at: 20) } == .resourceExhausted)
        try other.write([1, 2][...], at: 0)
        #expect(try small.freeBytes(".") == 8)
        #expect(try small.crash(seed: 1).freeBytes(".") == 10)
    }

    /// Random writes, truncations and syncs against a plain model, with both extreme crashes.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func randomHistoriesKeepAllOrOnlyTheSynced(seed: UInt64) throws {
        print("seed \(seed)")
        var generator = SplitMix64(seed: seed)
        var storage = MemoryStorage()
        var file = try storage.open("a", .create)
        try storage.syncDirectory(".")
        var (live, durable): ([UInt8], [UInt8]) = ([], [])
        for _ in 0..<600 {
            switch generator.next() % 10 {
            case 0:
                try file.sync()
                durable = live
            case 1:
                let size = Int(generator.next() % 6_000)
                try file.truncate(to: size)
                live = Array(live.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - live.count))
            case 2:
                let keepsAll = generator.next() & 1 == 1
                let kept = storage.crash(seed: seed, sectors: keepsAll ? .kept : .lost)
                #expect(try kept.readAll("a") == (keepsAll ? live : durable))
                storage = kept
                file = try storage.open("a", .readWrite)
                if keepsAll { durable = live } else { live = durable }
            default:
                let (offset, bytes) = (Int(generator.next() % 6_000), generator.bytes(Int(generator.next() % 1_500)))
                try file.write(bytes[...], at: offset)
                if bytes.isEmpty { continue }
                live += [UInt8](repeating: 0, count: max(0, offset + bytes.count - live.count))
                live.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            }
            #expect(try file.read(at: 0, count: 10_000) == live)
        }
    }

    @Test func sameSeedGivesTheSameDisk() throws {
        func run(_ seed: UInt64) throws -> [UInt8] {
            let storage = MemoryStorage()
            let file = try storage.open("a", .create)
            try storage.syncDirectory(".")
            try file.write([UInt8](repeating: 7, count: 20_000)[...], at: 0)
            return try storage.crash(seed: seed).readAll("a")
        }
        #expect(try run(1) == run(1))
        #expect(try run(1) != run(2))
    }
}
