import FeatureModel
import Foundation
import StorageIO
import TestDisks
import TestSupport

/// Each storage that must behave alike.
enum StorageKind: String, CaseIterable, CustomStringConvertible {
    case real, memory, faultyWithoutFaults

    var description: String { rawValue }
}

/// A storage with an empty directory, which goes with it.
final class Playground: Sendable {
    let storage: any Storage
    let directory: String
    private let isOnDisk: Bool

    init(_ kind: StorageKind) throws {
        isOnDisk = kind == .real
        directory = isOnDisk ? NSTemporaryDirectory() + "headwater-\(UUID().uuidString)" : "data"
        storage =
            switch kind {
            case .real: RealStorage()
            case .memory: MemoryStorage()
            case .faultyWithoutFaults: FaultyStorage(MemoryStorage())
            }
        try storage.createDirectory(directory)
    }

    deinit { if isOnDisk { try? FileManager.default.removeItem(atPath: directory) } }

    func path(_ name: String) -> String { StoragePath.join(directory, name) }

    @discardableResult
    func create(_ name: String, _ bytes: [UInt8] = []) throws -> any StorageFile {
        let file = try storage.open(path(name), .create)
        try file.write(bytes[...], at: 0)
        return file
    }
}

/// The code that `body` throws, or `nil`.
func code(_ body: () throws -> Void) -> StatusCode? {
    do {
        try body()
        return nil
    } catch let error as HeadwaterError {
        return error.code
    } catch {
        return .unknown
    }
}

/// Runs a Python program; returns its exit status, or `nil` where there is no Python.
func python(_ program: String, _ arguments: String...) throws -> Int32? {
    guard let interpreter = ["/usr/bin/python3", "/usr/local/bin/python3"].first(where: FileManager.default.isExecutableFile)
    else {
        return nil
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: interpreter)
    process.arguments = ["-c", program] + arguments
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
}

extension SplitMix64 {
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
