import Engine
public import FeatureModel
import Log
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks

/// A whole data directory of one format version, kept as files: every later version must read it as it was read then.
public struct GoldenDirectory {
    private let image: DirectoryImage

    /// What this version writes.
    public init() throws { image = try DamageBase().image }

    /// Files by path, as kept.
    public init(files: [String: [UInt8]]) { image = DirectoryImage(files: files) }

    public var files: [String: [UInt8]] { image.files }

    /// All that can be read without a server, a row a line.
    ///
    /// - Throws: what the reader says, and `.internal` where reading changed a file.
    public func transcript() throws -> String {
        let storage = try image.storage()
        let reader = try DirectReader(storage)
        let text = try reader.picture().text
        _ = try reader.offline.verifyAll()
        try reader.online.verifySnapshot()
        if let damage = try FileLog(in: Node.directory, storage).verify().damage { throw damage }
        try check(storage)
        return text
    }

    /// Opens it as a server does, with its unsynced tail, and goes on writing; returns what is read after a restart.
    public func transcriptAfterUse() throws -> String {
        let storage = try image.storage()
        let node = try Node(storage, now: SweptTime.start + 1_000_000_000)
        try node.flush()
        try node.snapshot()
        try node.stop()
        let again = try Node(storage, now: node.now)
        return try Picture(online: again.online.store, offline: again.offline.store, catalog: again.catalog).text
    }

    /// The same directory, with one file that says that only a newer version can read it.
    public func newer(_ path: String) -> GoldenDirectory {
        var files = image.files
        files[path]!.makeNewer(FileKind(path: path)!)
        return GoldenDirectory(files: files)
    }

    /// The refusals of a reader and of an owner, each `nil` where there is none; the file at `path` must stay as it is.
    public func refusals(untouched path: String) throws -> [HeadwaterError?] {
        [try refusal(Self.read, untouched: path), try refusal(Self.serve, untouched: path)]
    }

    private func refusal(
        _ attempt: (MemoryStorage) throws(HeadwaterError) -> Void, untouched path: String
    ) throws(HeadwaterError) -> HeadwaterError? {
        let storage = try image.storage()
        var refusal: HeadwaterError?
        do throws(HeadwaterError) { try attempt(storage) } catch { refusal = error }
        guard try storage.readAll(path) == image[path]! else {
            throw HeadwaterError(.internal, "a file of a newer format was changed", at: path)
        }
        return refusal
    }

    private static func read(_ storage: MemoryStorage) throws(HeadwaterError) {
        _ = try DirectReader(storage).picture()
        if let damage = try FileLog(in: Node.directory, storage).verify().damage { throw damage }
        _ = try FileLog(in: Node.directory, storage).followers()
    }

    private static func serve(_ storage: MemoryStorage) throws(HeadwaterError) {
        let node = try Node(storage, now: SweptTime.start + 1_000_000_000)
        _ = try Picture(online: node.online.store, offline: node.offline.store, catalog: node.catalog)
    }

    private func check(_ storage: MemoryStorage) throws {
        let after = try DirectoryImage(storage)
        for path in after.paths where FileKind(path: path) != .lock && after[path] != image[path] {
            throw HeadwaterError(.internal, "reading changed the file", at: path)
        }
    }
}

extension Picture {
    /// A row a line, with every bit that a reader is told.
    fileprivate var text: String {
        var lines: [String] = []
        for (id, group) in groups.sorted(by: { $0.key < $1.key }) {
            lines += group.history.map { "group \(id) history \($0.text)" } + group.latest.map { "group \(id) latest \($0.text)" }
            lines += group.vectors.map { "group \(id) get \($0.map(\.text).joined(separator: " | "))" }
            lines += group.joined.map { "group \(id) join \($0.map(\.text).joined(separator: " | "))" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Picture.Line {
    fileprivate var text: String {
        let ingested = ingestTime.map { " ingested \($0)" } ?? ""
        let place = "time \(order.eventTime) position \(order.position) row \(order.row)\(ingested)"
        return "key \(key) \(place)\(isTombstone ? " deleted" : ""): \(features.map(\.text).joined(separator: " | "))"
    }
}

extension Picture.Cell {
    fileprivate var text: String { "\(status) \(value.text)" }
}

extension Value {
    /// Numbers as their bits, text as bytes: nothing is lost, and no locale or printer has a say.
    fileprivate var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int32(let value): "\(value)"
        case .int64(let value), .timestamp(let value): "\(value)"
        case .float32(let value): "f" + String(value.bitPattern, radix: 16)
        case .float64(let value): "d" + String(value.bitPattern, radix: 16)
        case .string(let value), .bytes(let value): "\(value.bytes)"
        case .array(let values): "(" + values.map(\.text).joined(separator: ", ") + ")"
        case .vector(let values): "<" + values.map { Value.float32($0).text }.joined(separator: ", ") + ">"
        }
    }
}

extension [UInt8] {
    /// Raises version and least reader version, and seals what covers them (docs/formats).
    fileprivate mutating func makeNewer(_ kind: FileKind) {
        switch kind {
        case .segment: raise(at: 0, width: 4, sealed: 128)
        case .checkpoint: raise(at: 0, width: 4, sealed: 256)
        case .durablePage: raise(at: 0, width: 4, sealed: 36)
        case .control: for slot in [0, 4_096] { raise(at: slot, width: 4, sealed: 128) }
        // Both are read before any checksum.
        case .snapshot: raise(at: 0, width: 4, sealed: nil)
        case .chunk: raise(at: 0, width: 2, sealed: nil)
        case .manifest: raise(at: 0, width: 2, sealed: count)
        case .preparedSegment, .lock: break
        }
    }

    private mutating func raise(at start: Int, width: Int, sealed: Int?) {
        self[start + 8] = 99
        self[start + 8 + width] = 99
        guard let sealed else { return }
        let checksum = CRC32C.checksum(self[start..<start + sealed - 4])
        for index in 0..<4 { self[start + sealed - 4 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
    }
}
