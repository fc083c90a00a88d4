import FeatureModel
import Foundation
import Server
import Tables

/// A table in a file that this program does not read or write itself:
/// Parquet, or CSV and NDJSON compressed with gzip or Zstandard.
///
/// The Python package brings the command `headwater-tables`, which
/// turns it into one of the two text formats and back through pyarrow.
struct PackedTable {
    enum Packing: String {
        case parquet
        case gzip
        case zstd
    }

    let packing: Packing
    /// The format that the helper reads and writes.
    let format: TableFormat

    /// - Returns: `nil` for a name that tells neither.
    /// - Throws: `.invalidArgument` for a compressed file whose name does not tell what is in it.
    init?(path: String, format: TableFormat?) throws(HeadwaterError) {
        let name = path.lowercased()
        if name.hasSuffix(".parquet") {
            (packing, self.format) = (.parquet, .ndjson)
            return
        }
        guard let suffix = [".gz", ".zst"].first(where: { name.hasSuffix($0) }) else { return nil }
        packing = suffix == ".gz" ? .gzip : .zstd
        if let format { self.format = format } else { self.format = try TableFormat(path: String(path.dropLast(suffix.count))) }
    }
}

/// One run of `headwater-tables`.
final class TableHelper {
    static let name = "headwater-tables"
    static let variable = "HEADWATER_TABLES"

    private let process = Process()
    private let errors = Pipe()
    private let place: String

    /// Starts it.
    ///
    /// - Parameter place: the file that messages name.
    /// - Throws: `.failedPrecondition` where it is not there, with how to get it.
    init(_ arguments: [String], input: Any, output: Any, place: String) throws(HeadwaterError) {
        self.place = place
        guard let path = Self.find() else {
            throw HeadwaterError(
                .failedPrecondition,
                "Parquet, .gz and .zst are read and written by the command '\(Self.name)' of the Python package: 'make wheel', then "
                    + "'pip install headwater-*.whl'; or set \(Self.variable) to its path; a pipe works too, such as "
                    + "'zcat FILE | headwater … --from -'",
                at: place)
        }
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        do { try process.run() } catch {
            throw HeadwaterError(.failedPrecondition, "\(path) cannot be run: \(error.localizedDescription)", at: place)
        }
    }

    deinit { if process.isRunning { process.terminate() } }

    /// Waits until it has ended.
    ///
    /// - Throws: what it said, where it did not succeed.
    func wait() throws(HeadwaterError) {
        let said = (try? errors.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let lines = String(decoding: said, as: UTF8.self).split(separator: "\n")
            if lines.last?.contains("unrecognized arguments: --") ?? false {
                throw HeadwaterError(
                    .failedPrecondition,
                    "\(process.executableURL?.path ?? Self.name) is older than this program: install the wheel of this version, or set "
                        + "\(Self.variable) to the path of one of version \(HeadwaterVersion.current)",
                    at: place)
            }
            throw HeadwaterError(.invalidArgument, String(lines.last ?? "it cannot be converted"), at: place)
        }
    }

    /// Named by the environment, beside this program, or on the path.
    private static func find() -> String? {
        if let named = ConnectionOptions.environment(variable) { return named }
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let path = ConnectionOptions.environment("PATH")?.split(separator: ":").map(String.init) ?? []
        return ([own] + path).map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
