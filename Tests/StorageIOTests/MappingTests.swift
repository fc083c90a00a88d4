import FeatureModel
import StorageIO
import TestSupport
import Testing

@Suite struct MappingTests {
    @Test(arguments: StorageKind.allCases)
    func mappedFileShowsTheBytes(kind: StorageKind) throws {
        let place = try Playground(kind)
        var generator = SplitMix64(seed: 1)
        let bytes = generator.bytes(10_000)
        try place.create("a", bytes).sync()
        let map = try place.storage.map(place.path("a"))
        #expect(map.count == bytes.count && map.path == place.path("a"))
        #expect(map.bytes(at: 4_090, count: 20) == Array(bytes[4_090..<4_110]))
        #expect(map.withBytes(0..<bytes.count) { CRC32C.checksum($0) } == CRC32C.checksum(bytes))
        #expect(map.withBytes(10_000..<10_000) { $0.byteCount } == 0)
    }

    @Test(arguments: StorageKind.allCases)
    func emptyFileCanBeMapped(kind: StorageKind) throws {
        let place = try Playground(kind)
        try place.create("a")
        let map = try place.storage.map(place.path("a"))
        #expect(map.count == 0)
        #expect(map.bytes(at: 0, count: 0) == [])
    }

    @Test func bodyMayThrowItsOwnErrorType() {
        let map = MappedFile(path: "a", bytes: [1, 2, 3])
        #expect(throws: HeadwaterError(.dataLoss, "bad")) {
            try map.withBytes(0..<3) { span throws(HeadwaterError) in
                if span.byteCount == 3 { throw HeadwaterError(.dataLoss, "bad") }
            }
        }
    }

    @Test(arguments: StorageKind.allCases)
    func sharedPageIsSeenByEveryOpener(kind: StorageKind) throws {
        let place = try Playground(kind)
        let file = try place.create("page", [UInt8](repeating: 0, count: 64))
        let writer = try place.storage.mapShared(place.path("page"), byteCount: 64, writable: true)
        let reader = try place.storage.mapShared(place.path("page"), byteCount: 16, writable: false)
        #expect(writer.wordCount == 8 && reader.wordCount == 2 && !reader.isWritable)
        writer.store(0x0102_0304_0506_0708, word: 1)
        #expect(reader.load(word: 1) == 0x0102_0304_0506_0708)
        try writer.sync()
        #expect(try file.read(at: 8, count: 8) == [8, 7, 6, 5, 4, 3, 2, 1])
        try file.write([0xFF][...], at: 15)
        #expect(reader.load(word: 1) == 0xFF02_0304_0506_0708)
    }

    @Test(arguments: StorageKind.allCases)
    func sharedPageStartsWithTheFilesBytes(kind: StorageKind) throws {
        let place = try Playground(kind)
        try place.create("page", [1] + [UInt8](repeating: 0, count: 15))
        let page = try place.storage.mapShared(place.path("page"), byteCount: 8, writable: false)
        #expect(page.load(word: 0) == 1)
    }

    @Test(arguments: StorageKind.allCases)
    func sharedPageRefusesAShortFile(kind: StorageKind) throws {
        let place = try Playground(kind)
        try place.create("page", [1, 2, 3, 4, 5, 6, 7])
        #expect(code { _ = try place.storage.mapShared(place.path("page"), byteCount: 8, writable: true) } == .dataLoss)
    }

    @Test func sharedPageIsSeenByAnotherProcess() throws {
        let place = try Playground(.real)
        try place.create("page", [UInt8](repeating: 0, count: 16))
        let page = try place.storage.mapShared(place.path("page"), byteCount: 16, writable: true)
        page.store(77, word: 0)
        let program = """
            import mmap, struct, sys
            with open(sys.argv[1], "r+b") as f:
                m = mmap.mmap(f.fileno(), 16)
                assert struct.unpack("<Q", m[0:8])[0] == 77
                m[8:16] = struct.pack("<Q", 99)
            """
        guard let status = try python(program, place.path("page")) else { return }
        #expect(status == 0)
        #expect(page.load(word: 1) == 99)
    }

    @Test func sharedPageLosesNoStoreBetweenThreads() async throws {
        let place = try Playground(.memory)
        try place.create("page", [UInt8](repeating: 0, count: 16))
        let page = try place.storage.mapShared(place.path("page"), byteCount: 16, writable: true)
        // Word 0 follows word 1: a reader that sees word 0 at n must see word 1 at n or later.
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for n in 1...UInt64(100_000) {
                    page.store(n, word: 1)
                    page.store(n, word: 0)
                }
                return true
            }
            group.addTask {
                for _ in 0..<100_000 {
                    let first = page.load(word: 0)
                    if page.load(word: 1) < first { return false }
                }
                return true
            }
            for await inOrder in group { #expect(inOrder) }
        }
    }
}
