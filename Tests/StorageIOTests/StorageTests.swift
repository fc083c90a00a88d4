import FeatureModel
import StorageIO
import Testing

/// What every storage does alike.
@Suite struct StorageTests {
    @Test(arguments: StorageKind.allCases)
    func createdFileIsReadBack(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("a", [1, 2, 3])
        #expect(try file.size() == 3)
        #expect(try file.read(at: 1, count: 2) == [2, 3])
        #expect(try place.storage.readAll(place.path("a")) == [1, 2, 3])
        #expect(file.path == place.path("a"))
    }

    @Test(arguments: StorageKind.allCases)
    func whatTheDiskHasBegunToWriteIsReadBackAndSynced(kind: StorageKind) throws {
        let place = try Playground(kind)
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        let file = try place.create("a", bytes)
        file.startWriting(0..<65_536)
        try file.write([1, 2, 3], at: bytes.count)
        try file.sync()
        #expect(try file.read(at: 0, count: bytes.count + 3) == bytes + [1, 2, 3])
        file.close()
        // Says nothing, as there is nothing to be done.
        file.startWriting(0..<65_536)
        #expect(try place.storage.readAll(place.path("a")) == bytes + [1, 2, 3])
    }

    @Test(arguments: StorageKind.allCases)
    func createRefusesAnExistingFile(kind: StorageKind) throws {
        let place = try Playground(kind)
        try place.create("a", [1])
        #expect(code { _ = try place.storage.open(place.path("a"), .create) } == .alreadyExists)
        #expect(try place.storage.readAll(place.path("a")) == [1])
    }

    @Test(arguments: StorageKind.allCases)
    func missingPathsAreNotFound(kind: StorageKind) throws {
        let place = try Playground(kind)
        let (storage, missing) = (place.storage, place.path("none"))
        #expect(!storage.exists(missing))
        #expect(code { _ = try storage.open(missing, .read) } == .notFound)
        #expect(code { _ = try storage.open(missing, .readWrite) } == .notFound)
        #expect(code { _ = try storage.open(missing + "/a", .create) } == .notFound)
        #expect(code { _ = try storage.map(missing) } == .notFound)
        #expect(code { _ = try storage.mapShared(missing, byteCount: 64, writable: true) } == .notFound)
        #expect(code { try storage.rename(missing, to: place.path("b")) } == .notFound)
        #expect(code { try storage.remove(missing) } == .notFound)
        #expect(code { try storage.syncDirectory(missing) } == .notFound)
        #expect(code { _ = try storage.list(missing) } == .notFound)
        #expect(code { _ = try storage.lock(missing + "/lock", exclusive: true) } == .notFound)
        #expect(code { _ = try storage.freeBytes(missing) } == .notFound)
    }

    @Test(arguments: StorageKind.allCases)
    func errorsNameTheirPlace(kind: StorageKind) throws {
        let place = try Playground(kind)
        let missing = place.path("none")
        let error = #expect(throws: HeadwaterError.self) { try place.storage.remove(missing) }
        #expect(error?.location == missing)
        #expect(error?.message.contains(";") == true, "what is wrong; what to do: \(error?.message ?? "")")
    }

    @Test(arguments: StorageKind.allCases)
    func readIsShortOnlyAtTheEnd(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("a", [1, 2, 3, 4])
        #expect(try file.read(at: 2, count: 10) == [3, 4])
        #expect(try file.read(at: 4, count: 1) == [])
        #expect(try file.read(at: 100, count: 1) == [])
        #expect(try file.read(at: 0, count: 0) == [])
    }

    @Test(arguments: StorageKind.allCases)
    func writeBeyondTheEndLeavesZeros(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("a", [9])
        try file.write([7, 8][...], at: 4)
        #expect(try file.read(at: 0, count: 100) == [9, 0, 0, 0, 7, 8])
        try file.write([][...], at: 50)
        #expect(try file.size() == 6)
    }

    @Test(arguments: StorageKind.allCases)
    func writeTakesASliceOfALargerArray(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("a", [0, 0, 0, 0])
        try file.write([1, 2, 3, 4, 5][2..<4], at: 1)
        #expect(try file.read(at: 0, count: 4) == [0, 3, 4, 0])
    }

    @Test(arguments: StorageKind.allCases)
    func truncateCutsAndExtendsWithZeros(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("a", [1, 2, 3, 4])
        try file.truncate(to: 2)
        try file.truncate(to: 5)
        try file.sync()
        #expect(try file.read(at: 0, count: 10) == [1, 2, 0, 0, 0])
    }

    @Test(arguments: StorageKind.allCases)
    func fileOpenedForReadingRefusesWrites(kind: StorageKind) throws {
        let place = try Playground(kind)
        try place.create("a", [1])
        let file = try place.storage.open(place.path("a"), .read)
        #expect(code { try file.write([2][...], at: 0) } == .unavailable)
        #expect(code { try file.truncate(to: 0) } == .unavailable)
        #expect(try file.read(at: 0, count: 9) == [1])
    }

    @Test(arguments: StorageKind.allCases)
    func closedFileFailsAndMayBeClosedAgain(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("a", [1])
        file.close()
        file.close()
        #expect(code { _ = try file.read(at: 0, count: 1) } == .unavailable)
        #expect(code { try file.sync() } == .unavailable)
    }

    @Test(arguments: StorageKind.allCases)
    func renameReplacesWhatStandsThere(kind: StorageKind) throws {
        let place = try Playground(kind)
        try place.create("a", [1])
        let replaced = try place.create("b", [2, 2])
        try place.storage.rename(place.path("a"), to: place.path("b"))
        try place.storage.syncDirectory(place.directory)
        #expect(try place.storage.list(place.directory) == ["b"])
        #expect(try place.storage.readAll(place.path("b")) == [1])
        #expect(try replaced.read(at: 0, count: 2) == [2, 2], "an open file outlives its name")
    }

    @Test(arguments: StorageKind.allCases)
    func removedFileIsGoneButOpenOnesGoOn(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("a", [5])
        let map = try place.storage.map(place.path("a"))
        try place.storage.remove(place.path("a"))
        #expect(!place.storage.exists(place.path("a")))
        #expect(try file.read(at: 0, count: 1) == [5])
        #expect(map.bytes(at: 0, count: 1) == [5])
    }

    @Test(arguments: StorageKind.allCases)
    func listIsSortedByBytes(kind: StorageKind) throws {
        let place = try Playground(kind)
        for name in ["b", "a", "é", "B", "10", "9"] { try place.create(name) }
        try place.storage.createDirectory(place.path("c"))
        #expect(try place.storage.list(place.directory) == ["10", "9", "B", "a", "b", "c", "é"])
    }

    @Test(arguments: StorageKind.allCases)
    func createDirectoryMakesParentsAndMayBeRepeated(kind: StorageKind) throws {
        let place = try Playground(kind)
        let deep = place.path("x/y/z")
        try place.storage.createDirectory(deep)
        try place.storage.createDirectory(deep + "/")
        #expect(try place.storage.list(place.path("x/y")) == ["z"])
        try place.create("file")
        #expect(code { try place.storage.createDirectory(place.path("file")) } == .alreadyExists)
    }

    @Test(arguments: StorageKind.allCases)
    func replaceAtomicallyReplacesAndClearsLeftovers(kind: StorageKind) throws {
        let place = try Playground(kind)
        try place.create("a.tmp", [0, 0, 0, 0])
        try place.storage.replaceAtomically(place.path("a"), [1])
        try place.storage.replaceAtomically(place.path("a"), [2, 3])
        #expect(try place.storage.readAll(place.path("a")) == [2, 3])
        #expect(try place.storage.list(place.directory) == ["a"])
    }

    @Test(arguments: StorageKind.allCases)
    func freeBytesAreKnown(kind: StorageKind) throws {
        let place = try Playground(kind)
        #expect(try place.storage.freeBytes(place.directory) > 0)
    }

    @Test func pathsHaveParentsAndNames() {
        let parents = ["a": ".", "a/b": "a", "/a": "/", "/": "/", "a/b/": "a", "/a//b": "/a", ".": ".", "": "."]
        for (path, parent) in parents { #expect(StoragePath.parent(of: path) == parent, "\(path)") }
        #expect(StoragePath.name(of: "a/b/") == "b")
        #expect(StoragePath.name(of: "b") == "b")
        #expect(StoragePath.join("a/", "b") == "a/b")
        #expect(StoragePath.join("", "b") == "b")
    }
}
