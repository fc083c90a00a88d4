import FeatureModel
import Foundation
import Synchronization
import Tables

/// A table to read, from the start as often as needed: a file, or what came from a pipe.
///
/// Small input from a pipe is held in memory; larger goes to a temporary file, which is removed when the table is freed.
final class InputTable: Sendable {
    /// Bytes from a pipe that are held in memory.
    static let memoryBytesMax = 8 << 20
    private static let chunkBytes = 1 << 20

    private enum Content {
        case memory([UInt8])
        case file(path: String, isTemporary: Bool)
    }

    /// How messages call it.
    let name: String
    let format: TableFormat
    let byteCount: Int
    /// Columns that stand in the file's path.
    let pathColumns: [PathColumn]
    private let content: Content
    /// The packed file that the text was made of.
    private let packedPath: String?

    /// Whether its columns had types of their own: those that were wanted
    /// are of the types asked for, and its times have no unit any more.
    let isTyped: Bool

    /// - Parameters:
    ///   - path: a file, or `-` for standard input. Parquet and compressed files are unpacked first.
    ///   - format: `nil` for what the name tells; standard input is CSV.
    ///   - wanted: what the columns of a Parquet file are converted to.
    ///   - timeUnit: of its times that are whole numbers.
    /// - Throws: `.notFound` for a file that is not there, `.invalidArgument` for one whose name tells no format, and for a
    ///   Parquet file that lacks a column or has a cell that does not fit.
    init(path: String, format: TableFormat?, wanted: WantedColumns, timeUnit: TimeUnit?) throws(HeadwaterError) {
        name = path == "-" ? "standard input" : path
        let name = name
        pathColumns = path == "-" ? [] : try PathColumn.columns(ofPath: path)
        if path != "-", let packed = try PackedTable(path: path, format: format) {
            guard FileManager.default.isReadableFile(atPath: path) else { throw Self.cannotRead(path) }
            self.format = packed.format
            packedPath = path
            isTyped = packed.packing == .parquet
            let arguments = isTyped ? wanted.arguments(besides: pathColumns, timeUnit: timeUnit) : []
            (content, byteCount) = try Self.unpack(path, packed, arguments)
            return
        }
        packedPath = nil
        isTyped = false
        if let format { self.format = format } else { self.format = path == "-" ? .csv : try TableFormat(path: path) }
        if path != "-", let size = try Self.sizeOfRegularFile(path) {
            byteCount = size
            content = .file(path: path, isTemporary: false)
            return
        }
        let handle: FileHandle
        if path == "-" {
            handle = .standardInput
        } else {
            guard let opened = FileHandle(forReadingAtPath: path) else { throw Self.cannotRead(path) }
            handle = opened
        }
        let temporary = Self.temporaryPath()
        (content, byteCount) = try Interrupts.whileWaiting(leaving: temporary) { () throws(HeadwaterError) in
            try Self.spool(handle, name: name, temporary: temporary)
        }
    }

    deinit {
        if case .file(let path, true) = content { try? FileManager.default.removeItem(atPath: path) }
    }

    private static func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("headwater-\(UUID().uuidString)").path
    }

    /// Has a packed file turned into text.
    private static func unpack(
        _ path: String, _ packed: PackedTable, _ arguments: [String]
    ) throws(HeadwaterError) -> (Content, Int) {
        let pipe = Pipe()
        let temporary = temporaryPath()
        let helper = try TableHelper(
            ["read", path, "--packing", packed.packing.rawValue] + arguments, input: FileHandle.nullDevice, output: pipe,
            place: path)
        let result = try Interrupts.whileWaiting(leaving: temporary) { () throws(HeadwaterError) in
            try spool(pipe.fileHandleForReading, name: path, temporary: temporary)
        }
        do throws(HeadwaterError) { try helper.wait() } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            throw error
        }
        return result
    }

    /// The file that it can be read from again; `nil` for what came from a pipe.
    var filePath: String? {
        if let packedPath { return URL(fileURLWithPath: packedPath).standardizedFileURL.path }
        if case .file(let path, isTemporary: false) = content { return URL(fileURLWithPath: path).standardizedFileURL.path }
        return nil
    }

    /// The Parquet file that it was made of, if it was.
    var parquetPath: String? { packedPath.flatMap { $0.lowercased().hasSuffix(".parquet") ? $0 : nil } }

    /// The bytes from the start.
    ///
    /// - Parameter taken: told how many bytes have been read so far.
    func source(taken: @escaping @Sendable (Int) -> Void = { _ in }) throws(HeadwaterError) -> ByteSource {
        switch content {
        case .memory(let bytes):
            var rest: ArraySlice<UInt8>? = bytes[...]
            return { () throws(HeadwaterError) in
                defer { rest = nil }
                taken(bytes.count)
                return rest
            }
        case .file(let path, _):
            guard let handle = FileHandle(forReadingAtPath: path) else { throw Self.cannotRead(name) }
            var count = 0
            let name = name
            return { () throws(HeadwaterError) in
                let chunk = try Self.read(handle, name)
                count += chunk?.count ?? 0
                taken(count)
                return chunk
            }
        }
    }

    private static func read(_ handle: FileHandle, _ name: String) throws(HeadwaterError) -> ArraySlice<UInt8>? {
        do {
            guard let data = try handle.read(upToCount: chunkBytes), !data.isEmpty else { return nil }
            return Array(data)[...]
        } catch {
            throw HeadwaterError(.unavailable, "cannot be read: \(error.localizedDescription)", at: name)
        }
    }

    static func cannotRead(_ path: String) -> HeadwaterError {
        FileManager.default.fileExists(atPath: path)
            ? HeadwaterError(.permissionDenied, "cannot be opened for reading: check its permissions", at: path)
            : HeadwaterError(.notFound, "there is no such file", at: path)
    }

    /// `nil` for what is no regular file: a pipe has no size, and cannot be read twice.
    private static func sizeOfRegularFile(_ path: String) throws(HeadwaterError) -> Int? {
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved) else {
            if path.hasPrefix("/dev/") || path.hasPrefix("/proc/") { return nil }
            throw cannotRead(path)
        }
        if attributes[.type] as? FileAttributeType == .typeDirectory {
            throw HeadwaterError(.invalidArgument, "is a directory: name a file", at: path)
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular else { return nil }
        return (attributes[.size] as? NSNumber)?.intValue ?? 0
    }

    /// Reads a pipe to its end, into memory or, beyond what that holds, into the file `path`.
    private static func spool(
        _ handle: FileHandle, name: String, temporary path: String
    ) throws(HeadwaterError) -> (Content, Int) {
        var bytes: [UInt8] = []
        while bytes.count <= memoryBytesMax {
            guard let chunk = try read(handle, name) else { return (.memory(bytes), bytes.count) }
            bytes += chunk
        }
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: attributes),
            let file = FileHandle(forWritingAtPath: path)
        else {
            throw HeadwaterError(.unavailable, "no temporary file can be made for it: set TMPDIR to a place with room", at: name)
        }
        var count = 0
        do {
            var chunk: ArraySlice<UInt8>? = bytes[...]
            while let next = chunk {
                try file.write(contentsOf: Data(next))
                count += next.count
                chunk = try read(handle, name)
            }
            try file.close()
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw error as? HeadwaterError
                ?? HeadwaterError(
                    .resourceExhausted,
                    "cannot be kept in \(path): \(error.localizedDescription); set TMPDIR to a place with room",
                    at: name)
        }
        return (.file(path: path, isTemporary: true), count)
    }
}

/// Bytes read so far, told from inside a source.
final class ByteCount: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func set(_ value: Int) { count.withLock { $0 = value } }
}
