import FeatureModel
import Foundation
import StorageIO
import Tables

/// A table being written: to a temporary file that takes its name at the end, or to a pipe.
final class OutputTable {
    private static let flushBytes = 1 << 20

    private enum Sink {
        /// Written beside the destination, and renamed over it.
        case file(any StorageFile, temporary: String, destination: String)
        case pipe(FileHandle)
    }

    /// How messages call it.
    let name: String
    let format: TableFormat
    /// Whether results go to standard output, so that remarks must not.
    let isStandardOutput: Bool
    private let sink: Sink
    // A file that somebody asks for by name is as the umask has it.
    private let storage = RealStorage(access: .umask)
    private var buffer: [UInt8] = []
    private(set) var byteCount = 0
    private var isFinished = false

    /// - Parameters:
    ///   - path: a file, or `-` for standard output.
    ///   - format: what is written to a pipe without a telling name; `nil` for what the name tells.
    /// - Throws: `.invalidArgument` for a name that tells no format, `.unavailable` where the file cannot be made.
    init(path: String, format: TableFormat?) throws(HeadwaterError) {
        isStandardOutput = path == "-"
        name = isStandardOutput ? "standard output" : path
        if isStandardOutput {
            self.format = format ?? .csv
            sink = .pipe(.standardOutput)
            return
        }
        let destination = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let kind = (try? FileManager.default.attributesOfItem(atPath: destination))?[.type] as? FileAttributeType
        if let kind, kind != .typeRegular {
            if kind == .typeDirectory { throw HeadwaterError(.invalidArgument, "is a directory: name a file", at: path) }
            // A device or a named pipe keeps its place.
            guard let handle = FileHandle(forWritingAtPath: path) else {
                throw HeadwaterError(.permissionDenied, "cannot be opened for writing", at: path)
            }
            self.format = format ?? (try? TableFormat(path: path)) ?? .csv
            sink = .pipe(handle)
            return
        }
        if let format { self.format = format } else { self.format = try TableFormat(path: path) }
        let temporary = StoragePath.join(
            StoragePath.parent(of: destination),
            ".\(StoragePath.name(of: destination)).\(ProcessInfo.processInfo.processIdentifier).part")
        if storage.exists(temporary) { try storage.remove(temporary) }
        sink = .file(try storage.open(temporary, .create), temporary: temporary, destination: destination)
    }

    deinit {
        if !isFinished, case .file(let file, let temporary, _) = sink {
            file.close()
            try? storage.remove(temporary)
        }
    }

    /// Writes through a buffer: `append` fills it.
    func write(_ append: (inout [UInt8]) -> Void) throws(HeadwaterError) {
        append(&buffer)
        if buffer.count >= Self.flushBytes { try flush() }
    }

    /// Writes what is left, and gives the file its name.
    func finish() throws(HeadwaterError) {
        try flush()
        if case .file(let file, let temporary, let destination) = sink {
            try file.sync()
            file.close()
            try storage.rename(temporary, to: destination)
            try storage.syncDirectory(StoragePath.parent(of: destination))
        }
        isFinished = true
    }

    private func flush() throws(HeadwaterError) {
        guard !buffer.isEmpty else { return }
        switch sink {
        case .file(let file, _, _): try file.write(buffer[...], at: byteCount)
        case .pipe(let handle):
            do { try handle.write(contentsOf: Data(buffer)) } catch {
                throw HeadwaterError(.unavailable, "cannot be written: \(error.localizedDescription)", at: name)
            }
        }
        byteCount += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }
}
