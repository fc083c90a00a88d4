import FeatureModel
import Foundation
import StorageIO
import Testing

/// A real disk that is full: a small tmpfs, where this user may mount one.
@Suite struct FullDiskTests {
    @Test func fullFileSystemIsResourceExhausted() throws {
        let place = try Playground(.real)
        let mountPoint = place.path("tiny")
        try place.storage.createDirectory(mountPoint)
        guard run("/bin/mount", "-t", "tmpfs", "-o", "size=64k", "none", mountPoint) else { return }
        defer {
            _ = run("/bin/umount", mountPoint)
            extendLifetime(place)
        }

        let path = StoragePath.join(mountPoint, "a")
        let file = try place.storage.open(path, .create)
        let error = #expect(throws: HeadwaterError.self) { try file.write([UInt8](repeating: 1, count: 100_000)[...], at: 0) }
        #expect(error?.code == .resourceExhausted)
        #expect(error?.location == "\(path):65536")
        #expect(try place.storage.freeBytes(path) == 0)
        #expect(code { try place.storage.replaceAtomically(path, [UInt8](repeating: 2, count: 8_192)) } == .resourceExhausted)
        #expect(!place.storage.exists(path + ".tmp"), "the failed copy gives its space back")
        try file.truncate(to: 0)
        try file.write([1][...], at: 0)
        try file.sync()
        file.close()
    }

    private func run(_ program: String, _ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
