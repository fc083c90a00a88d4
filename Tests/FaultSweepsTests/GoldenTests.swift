import FaultSweeps
import FeatureModel
import Foundation
import Testing

/// A whole data directory of each format version is kept as files, and read for ever.
@Suite struct GoldenTests {
    static let versions = ["v1", "v2", "v3", "v4", "v5"]

    private let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    private func golden(_ version: String) throws -> GoldenDirectory {
        let root = folder.appending(path: version)
        var files: [String: [UInt8]] = [:]
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path).filter { $0.hasPrefix("data/") }
        for path in paths {
            let url = root.appending(path: path)
            let isDirectory = try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
            if !isDirectory { files[path] = [UInt8](try Data(contentsOf: url)) }
        }
        return GoldenDirectory(files: files)
    }

    /// As it was read then, but for the ingest times of latest rows, which the online store no longer keeps.
    private func expected(_ version: String, _ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: "\(version)/\(name).txt"), encoding: .utf8)
            .replacing(#/( latest .*) ingested \d+/#) { $0.1 }
    }

    @Test(arguments: versions) func anOldDirectoryIsReadAsItWasAndNotTouched(version: String) throws {
        #expect(try golden(version).transcript() == expected(version, "read"))
    }

    @Test(arguments: versions) func anOldDirectoryIsTakenOverByAServer(version: String) throws {
        #expect(try golden(version).transcriptAfterUse() == expected(version, "used"))
    }

    @Test func aFileOfANewerFormatIsRefusedAndStaysAsItIs() throws {
        let golden = try golden("v1")
        let versioned = golden.files.keys.filter { path in
            !path.hasSuffix("/lock") && !path.contains("/prepared-") && path != newestButOne(golden, "snapshot-")
        }
        for path in versioned.sorted() {
            let refusals = try golden.newer(path).refusals(untouched: path)
            for refusal in refusals {
                #expect([.unimplemented, .failedPrecondition].contains(refusal?.code), "\(path): \(String(describing: refusal))")
            }
        }
        #expect(versioned.count > 10)
    }

    /// The snapshot that only stands until the newest is in force is not opened at all.
    private func newestButOne(_ golden: GoldenDirectory, _ prefix: String) -> String? {
        golden.files.keys.filter { $0.contains("/" + prefix) }.sorted().dropLast().last
    }
}
