import FeatureModel
import Foundation
import StorageIO
import Testing

@Suite struct LockTests {
    @Test(arguments: StorageKind.allCases)
    func exclusiveLockKeepsEverybodyOut(kind: StorageKind) throws {
        let place = try Playground(kind)
        let lock = try place.storage.lock(place.path("lock"), exclusive: true)
        #expect(place.storage.exists(place.path("lock")))
        #expect(code { _ = try place.storage.lock(place.path("lock"), exclusive: true) } == .failedPrecondition)
        #expect(code { _ = try place.storage.lock(place.path("lock"), exclusive: false) } == .failedPrecondition)
        lock.release()
        lock.release()
        let second = try place.storage.lock(place.path("lock"), exclusive: true)
        #expect(code { _ = try place.storage.lock(place.path("./lock"), exclusive: true) } == .failedPrecondition)
        second.release()
    }

    @Test(arguments: StorageKind.allCases)
    func sharedLocksStandSideBySide(kind: StorageKind) throws {
        let place = try Playground(kind)
        let first = try place.storage.lock(place.path("lock"), exclusive: false)
        let second = try place.storage.lock(place.path("lock"), exclusive: false)
        first.release()
        #expect(code { _ = try place.storage.lock(place.path("lock"), exclusive: true) } == .failedPrecondition)
        second.release()
        try place.storage.lock(place.path("lock"), exclusive: true).release()
    }

    @Test(arguments: StorageKind.allCases)
    func freedLockIsReleased(kind: StorageKind) throws {
        let place = try Playground(kind)
        do { _ = try place.storage.lock(place.path("lock"), exclusive: true) }
        try place.storage.lock(place.path("lock"), exclusive: true).release()
    }

    /// Exits with 0 if it got the lock, 1 if somebody holds it.
    static let taker = """
        import fcntl, sys
        f = open(sys.argv[1], "r")
        try: fcntl.flock(f, (fcntl.LOCK_EX if sys.argv[2] == "x" else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError: sys.exit(1)
        """

    @Test func lockKeepsAnotherProcessOut() throws {
        let place = try Playground(.real)
        let path = place.path("lock")
        let exclusive = try place.storage.lock(path, exclusive: true)
        guard let status = try python(Self.taker, path, "s") else { return }
        #expect(status == 1)
        exclusive.release()
        let shared = try place.storage.lock(path, exclusive: false)
        #expect(try python(Self.taker, path, "s") == 0)
        #expect(try python(Self.taker, path, "x") == 1)
        shared.release()
        #expect(try python(Self.taker, path, "x") == 0)
    }

    @Test func descriptorsAreNotInherited() throws {
        let place = try Playground(.real)
        let file = try place.create("a", [1])
        let lock = try place.storage.lock(place.path("lock"), exclusive: true)
        var checked = 0
        for descriptor in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            // Other tests close theirs meanwhile.
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)"),
                target.hasPrefix(place.directory)
            else { continue }
            let information = try String(contentsOfFile: "/proc/self/fdinfo/\(descriptor)", encoding: .utf8)
            let line = try #require(information.split(separator: "\n").first { $0.hasPrefix("flags:") })
            let flags = try #require(Int(line.dropFirst(6).drop { $0 == "\t" }, radix: 8))
            #expect(flags & 0o2_000_000 != 0, "O_CLOEXEC is missing on \(target)")
            checked += 1
        }
        #expect(checked == 2)
        #expect(try file.size() == 1)
        lock.release()
    }
}
