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
        /// A file that a helper packs as it is written.
        case packed(PackedTable, temporary: String, destination: String)
    }

    /// How messages call it.
    let name: String
    let format: OutputFormat
    /// Whether results go to standard output, so that remarks must not.
    let isStandardOutput: Bool
    private let sink: Sink
    // A file that somebody asks for by name is as the umask has it.
    private let storage = RealStorage(access: .umask)
    private var buffer: [UInt8] = []
    private(set) var byteCount = 0
    private var isFinished = false
    /// The helper that writes a packed table; it starts with the first bytes.
    private var helper: (run: TableHelper, input: FileHandle)?
    /// Types of columns, for Parquet.
    private var fields: [Field] = []
    private var likePath: String?

    /// - Parameters:
    ///   - path: a file, or `-` for standard output.
    ///   - format: what is written to a pipe without a telling name; `nil` for what the name tells.
    /// - Throws: `.invalidArgument` for a name that tells no format, `.unavailable` where the file cannot be made.
    init(path: String, format: OutputFormat?) throws(HeadwaterError) {
        isStandardOutput = path == "-"
        name = isStandardOutput ? "standard output" : path
        if isStandardOutput {
            self.format = format ?? .text(.csv)
            sink = .pipe(.standardOutput)
            return
        }
        let destination = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let temporary = StoragePath.join(
            StoragePath.parent(of: destination),
            ".\(StoragePath.name(of: destination)).\(ProcessInfo.processInfo.processIdentifier).part")
        if let packed = try PackedTable(path: path, format: format?.text) {
            guard format != .arrowStream else {
                throw HeadwaterError(.invalidArgument, "names no Arrow stream: end the name in .arrows", at: path)
            }
            self.format = .text(packed.format)
            sink = .packed(packed, temporary: temporary, destination: destination)
            return
        }
        let kind = (try? FileManager.default.attributesOfItem(atPath: destination))?[.type] as? FileAttributeType
        if let kind, kind != .typeRegular {
            if kind == .typeDirectory { throw HeadwaterError(.invalidArgument, "is a directory: name a file", at: path) }
            // A device or a named pipe keeps its place.
            guard let handle = FileHandle(forWritingAtPath: path) else {
                throw HeadwaterError(.permissionDenied, "cannot be opened for writing", at: path)
            }
            self.format = format ?? (try? OutputFormat(path: path)) ?? .text(.csv)
            sink = .pipe(handle)
            return
        }
        if let format { self.format = format } else { self.format = try OutputFormat(path: path) }
        if storage.exists(temporary) { try storage.remove(temporary) }
        sink = .file(try storage.open(temporary, .create), temporary: temporary, destination: destination)
    }

    deinit {
        if isFinished { return }
        switch sink {
        case .file(let file, let temporary, _):
            file.close()
            try? storage.remove(temporary)
        case .packed(_, let temporary, _):
            guard let helper else { return }
            try? helper.input.close()
            try? helper.run.wait()
            if storage.exists(temporary) { try? storage.remove(temporary) }
        case .pipe: break
        }
    }

    /// Whether the file keeps types of columns, so that their cells are to be spelt in the one form of their type.
    var hasTypes: Bool {
        if case .packed(let packed, _, _) = sink { return packed.packing == .parquet }
        return format == .arrowStream
    }

    /// Says what columns are of, which a Parquet file keeps; to be called before the first row.
    ///
    /// - Parameter path: a Parquet file whose types the other columns keep.
    func declare(_ fields: [Field], like path: String? = nil) { (self.fields, likePath) = (fields, path) }

    /// Writes through a buffer: `append` fills it.
    func write(_ append: (inout [UInt8]) -> Void) throws(HeadwaterError) {
        append(&buffer)
        if buffer.count >= Self.flushBytes { try flush() }
    }

    /// Writes what is left, and gives the file its name.
    func finish() throws(HeadwaterError) {
        try flush()
        if case .packed(let packed, let temporary, let destination) = sink {
            let helper = try startedHelper(packed, temporary)
            try? helper.input.close()
            try helper.run.wait()
            let file = try storage.open(temporary, .readWrite)
            try file.sync()
            byteCount = try file.size()
            file.close()
            try storage.rename(temporary, to: destination)
            try storage.syncDirectory(StoragePath.parent(of: destination))
        }
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
        case .packed(let packed, let temporary, _):
            let helper = try startedHelper(packed, temporary)
            do { try helper.input.write(contentsOf: Data(buffer)) } catch {
                try? helper.input.close()
                try helper.run.wait()
                throw HeadwaterError(.unavailable, "cannot be written: \(error.localizedDescription)", at: name)
            }
        case .pipe(let handle):
            do { try handle.write(contentsOf: Data(buffer)) } catch {
                throw HeadwaterError(.unavailable, "cannot be written: \(error.localizedDescription)", at: name)
            }
        }
        byteCount += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// The helper that packs what is written, started when it is first needed.
    private func startedHelper(
        _ packed: PackedTable, _ temporary: String
    ) throws(HeadwaterError) -> (run: TableHelper, input: FileHandle) {
        if let helper { return helper }
        let pipe = Pipe()
        var arguments = ["write", temporary, "--packing", packed.packing.rawValue]
        if packed.packing == .parquet {
            for field in fields { arguments += ["--field", "\(field.name)=\(field.type)"] }
            if let likePath { arguments += ["--like", likePath] }
        }
        let started = (
            run: try TableHelper(arguments, input: pipe, output: FileHandle.nullDevice, place: name),
            input: pipe.fileHandleForWriting
        )
        helper = started
        return started
    }
}
