public import FeatureModel
public import StorageIO

/// Takes in the files of another store's `HistoryExport`, beside whatever history stands here.
///
/// Files are written under names of their own, synced, and checked as `verifyAll` checks; only when all are there does `commit`
/// write `incoming.manifest`, in one atomic step. The next open of the store as its owner puts them in place. A crash before the
/// commit leaves the old history, or none, and files that the next import removes. Belongs to one thread at a time.
public final class HistoryImport {
    /// Nobody's manifest is larger.
    private static let manifestBytesMax = 1 << 30

    private let storage: any Storage
    private let directory: String
    private let logID: [UInt8]
    /// The store's lock, where no open store holds it.
    private let lock: (any StorageLock)?
    private var manifestBytes: [UInt8] = []
    private var manifest: Manifest?
    /// The chunk under way: the manifest's chunks before it are here.
    private var chunk = 0
    private var file: (any StorageFile)?
    /// The offset of the next piece in the current file.
    private var offset = 0
    public private(set) var receivedBytes = 0

    /// Makes room in `dataDirectory/offline`: what an import before left unfinished goes.
    ///
    /// - Parameters:
    ///   - logID: the log that the history must be of.
    ///   - store: the store that is open there, if one is: its lock then stands for this import too.
    /// - Throws: `.failedPrecondition` where somebody else works in the directory.
    public init(storage: any Storage, dataDirectory: String, logID: [UInt8], store: OfflineStore? = nil) throws(HeadwaterError) {
        self.storage = storage
        self.logID = logID
        directory = dataDirectory + "/" + OfflineStore.folderName
        try storage.createDirectory(directory)
        lock = store == nil ? try storage.lock(directory + "/lock", exclusive: true) : nil
        guard !storage.exists(directory + "/" + Incoming.manifestName) else {
            throw HeadwaterError(
                .failedPrecondition, "a history waits to be put in place: open the offline store before another one is fetched",
                at: directory)
        }
        try Incoming.clear(storage, directory)
    }

    /// The position that the history will have; `nil` until its manifest is here.
    public var position: Position? { manifest?.applied }
    /// Bytes of all files; `nil` until the manifest is here.
    public var totalBytes: Int? { manifest.map { $0.chunks.reduce(manifestBytes.count) { $0 + $1.fileBytes } } }
    private var isComplete: Bool { manifest.map { chunk == $0.chunks.count } ?? false }

    /// Takes the next piece.
    ///
    /// - Throws: `.dataLoss` with file and offset where the piece, or the file that it completes, is damaged or out of order;
    ///   what the disk says. The import is then of no more use.
    public func take(_ piece: HistoryPiece) throws(HeadwaterError) {
        let expected = manifest.flatMap { isComplete ? nil : $0.chunks[chunk] }
        let number = manifest == nil ? 0 : expected?.number
        let name = number.map(Incoming.name) ?? "nothing"
        guard piece.file == number, piece.offset == offset, !piece.bytes.isEmpty, piece.bytes.count <= piece.fileBytes - offset,
            piece.fileBytes == expected?.fileBytes ?? min(piece.fileBytes, Self.manifestBytesMax)
        else {
            throw damage(
                "bytes \(piece.offset) of file \(piece.file) of \(piece.fileBytes) bytes came where \(name) was to go on", name)
        }
        guard CRC32C.checksum(piece.bytes) == piece.checksum else {
            throw damage("a piece of \(piece.bytes.count) bytes does not match its checksum", name)
        }
        if let expected {
            try write(piece, of: expected)
        } else {
            manifestBytes += piece.bytes
        }
        receivedBytes += piece.bytes.count
        offset += piece.bytes.count
        guard offset == piece.fileBytes else { return }
        if let expected { try finish(expected) } else { try readManifest() }
        offset = 0
    }

    /// Makes the import what the next open finds.
    ///
    /// - Throws: `.dataLoss` where files are missing, and what the disk says.
    public func commit() throws(HeadwaterError) {
        guard isComplete else { throw damage("the history came without all of its files", Incoming.manifestName) }
        try storage.syncDirectory(directory)
        try storage.replaceAtomically(directory + "/" + Incoming.manifestName, manifestBytes)
        lock?.release()
    }

    /// Gives the import up, and its space back as far as that works.
    public func abandon() {
        file?.close()
        try? Incoming.clear(storage, directory)
        lock?.release()
    }

    private func readManifest() throws(HeadwaterError) {
        let manifest = try Manifest(decoding: manifestBytes, path: directory + "/" + Incoming.manifestName)
        guard manifest.logID == logID else {
            throw HeadwaterError(.failedPrecondition, "the history is of another log than the one to follow", at: directory)
        }
        self.manifest = manifest
    }

    private func write(_ piece: HistoryPiece, of entry: ChunkEntry) throws(HeadwaterError) {
        let open =
            if let file { file } else { try storage.open(directory + "/" + Incoming.name(entry.number), .create) }
        file = open
        try open.write(piece.bytes, at: piece.offset)
    }

    private func finish(_ entry: ChunkEntry) throws(HeadwaterError) {
        try file?.sync()
        file?.close()
        file = nil
        try ChunkFile(entry, logID: logID, path: directory + "/" + Incoming.name(entry.number), storage: storage).verify()
        chunk += 1
    }

    private func damage(_ what: String, _ name: String) -> HeadwaterError {
        HeadwaterError(.dataLoss, "\(what); the transfer starts again", at: "\(directory)/\(name):\(offset)")
    }
}

/// Names of files on their way in, and how they get to their place.
enum Incoming {
    static let prefix = "incoming"
    static let manifestName = "incoming.manifest"

    static func name(_ number: UInt64) -> String { number == 0 ? manifestName : "incoming-" + ChunkFormat.fileName(number) }

    /// Removes every file of an import, finished or not: the manifest first, so that what is left is never taken for whole.
    static func clear(_ storage: any Storage, _ directory: String) throws(HeadwaterError) {
        if storage.exists(directory + "/" + manifestName) {
            try storage.remove(directory + "/" + manifestName)
            try storage.syncDirectory(directory)
        }
        for name in try storage.list(directory) where name.hasPrefix(prefix) { try storage.remove(directory + "/" + name) }
    }

    /// Puts a committed import in the place of the history before it. Each step can be done again after a crash.
    static func install(_ storage: any Storage, _ directory: String) throws(HeadwaterError) {
        let path = directory + "/" + manifestName
        guard storage.exists(path) else { return }
        let manifest = try Manifest(decoding: storage.readAll(path), path: path)
        for entry in manifest.chunks where storage.exists(directory + "/" + name(entry.number)) {
            try storage.rename(
                directory + "/" + name(entry.number), to: directory + "/" + ChunkFormat.fileName(entry.number))
        }
        try storage.syncDirectory(directory)
        try storage.rename(path, to: directory + "/" + ManifestFile.name)
        try storage.syncDirectory(directory)
    }
}
