public import FeatureModel
public import StorageIO
internal import Synchronization

/// The whole history of all groups: column chunks, a manifest that names them, and what came since in memory.
///
/// The state is the fold of the log up to `appliedPosition`; what is durable is the fold up to `durablePosition`.
///
/// **Threads.** One thread, the owner, calls `apply`, `begin…` and `finish…`. A job's `run` may proceed on any other thread
/// meanwhile. `view` and `status` may be called from any thread; reads use a view, which never changes.
public final class OfflineStore: Sendable {
    /// The folder of the store inside the data directory.
    public static let folderName = "offline"

    let place: ChunkPlace
    let manifestFile: ManifestFile
    let isReadOnly: Bool
    private let lock: any StorageLock
    let state: Mutex<StoreState>

    /// Opens `dataDirectory/offline`, and creates it unless `readOnly`.
    ///
    /// The owner takes the exclusive lock and removes what a crash left behind. A read-only opener takes the shared lock and
    /// changes
    /// nothing on the disk; it may still `apply` the log's tail in memory.
    /// - Parameter logID: 16 bytes that name the log; `nil` takes the store's own, which must then exist.
    /// - Throws: `.failedPrecondition` where somebody holds the lock or the store belongs to another log, `.notFound` where
    ///   there is nothing
    ///   to read, `.dataLoss` where manifest or chunk files are damaged or missing.
    public init(
        dataDirectory: String, logID: [UInt8]?, storage: any Storage, options: OfflineOptions = OfflineOptions(),
        readOnly: Bool = false
    ) throws(HeadwaterError) {
        precondition(logID == nil || logID!.count == ChunkFormat.logIDBytes, "a log id has 16 bytes")
        let directory = dataDirectory + "/" + Self.folderName
        let file = ManifestFile(storage: storage, directory: directory)
        if readOnly {
            guard storage.exists(directory) else {
                throw HeadwaterError(.notFound, "there is no offline store here: check --data", at: directory)
            }
        } else {
            try storage.createDirectory(directory)
        }
        lock = try storage.lock(directory + "/lock", exclusive: !readOnly)
        if !readOnly {
            // The owner before may have been killed between a manifest's rename and the sync
            // of the directory. What is found counts as durable from here on, for followers'
            // checkpoints too: a power cut must not bring the manifest before it back.
            try storage.syncDirectory(directory)
            try Incoming.install(storage, directory)
        }
        let manifest = try Self.openManifest(file, logID: logID, readOnly: readOnly)
        place = ChunkPlace(
            storage: storage, directory: directory, logID: manifest.logID, options: options,
            numbers: ChunkNumbers(next: manifest.nextChunkNumber))
        manifestFile = file
        isReadOnly = readOnly
        let version = try StoreVersion(manifest, reusing: [:], place: place)
        state = Mutex(StoreState(version: version))
        if !readOnly { try removeOrphans() }
    }

    /// Whether a history stands in `dataDirectory`, or waits there to be put in place.
    public static func exists(in dataDirectory: String, storage: any Storage) -> Bool {
        [ManifestFile.name, Incoming.manifestName].contains { storage.exists(dataDirectory + "/\(folderName)/" + $0) }
    }

    private static func openManifest(_ file: ManifestFile, logID: [UInt8]?, readOnly: Bool) throws(HeadwaterError) -> Manifest {
        // Only a reader can meet this file, as an owner installs it first:
        // its chunks may have replaced those that the manifest names.
        if file.storage.exists(file.directory + "/" + Incoming.manifestName) {
            throw HeadwaterError(
                .failedPrecondition, "a history from another server waits to be put in place: start the offline service here",
                at: file.directory)
        }
        if file.storage.exists(file.path) {
            let manifest = try file.read()
            if let logID, manifest.logID != logID {
                throw HeadwaterError(
                    .failedPrecondition, "the offline store belongs to another log: it was moved here, or the log was replaced",
                    at: file.path)
            }
            return manifest
        }
        if let chunk = try file.storage.list(file.directory).first(where: ChunkFormat.isChunkName) {
            throw HeadwaterError(
                .dataLoss, "there are chunks (\(chunk)) but no manifest: restore it, or move them away and rebuild from the log",
                at: "\(file.path):0")
        }
        guard !readOnly, let logID else {
            throw HeadwaterError(.notFound, "there is no offline store here: check --data", at: file.path)
        }
        var manifest = Manifest(logID: logID)
        manifest.number = 1
        do { try file.commit(manifest) } catch {
            switch error {
            case .before(let cause), .unknown(let cause): throw cause
            }
        }
        return manifest
    }

    /// Removes files that a crash left: a half-written manifest, chunks that no manifest names, an import that was not committed.
    private func removeOrphans() throws(HeadwaterError) {
        let named = Set(state.withLock { $0.version.manifest.chunks.map { ChunkFormat.fileName($0.number) } })
        for name in try place.storage.list(place.directory) {
            if name == ManifestFile.temporaryName || name.hasPrefix(Incoming.prefix)
                || ChunkFormat.isChunkName(name) && !named.contains(name)
            {
                try place.storage.remove(place.directory + "/" + name)
            }
        }
    }

    /// The last position that reads see.
    public var appliedPosition: Position { state.withLock { $0.applied } }
    /// The position of the manifest: records up to it need not be applied again after a crash.
    public var durablePosition: Position { state.withLock { $0.version.manifest.applied } }
    /// The bytes that were passed to the flush which made `durablePosition`.
    public var extra: [UInt8] { state.withLock { $0.version.manifest.extra } }
    /// Which log the store belongs to: 16 bytes.
    public var logID: [UInt8] { place.logID }

    /// What flushes and compactions that begin from now on may take.
    public var mergeBytesMax: Int {
        get { place.mergeBytes.most }
        set { place.mergeBytes.most = newValue }
    }

    /// Bytes that applied rows hold in memory, frozen ones included.
    public var memoryBytes: Int { state.withLock { $0.memoryBytes } }

    /// Rows of the group older than this are hidden as of a position; `nil` where there is no cutoff.
    public func cutoff(of group: GroupID, asOf position: Position) -> Microseconds? {
        state.withLock { $0.cutoffs[group]?.effective(asOf: position)?.cutoff }
    }

    /// Everything that is applied now, as reads see it from now on. - Complexity: O(groups).
    public func view() -> OfflineView {
        let snapshot = state.withLock { state in
            OfflineView.Snapshot(
                version: state.version, frozen: state.frozen?.tables ?? [:], live: state.live, position: state.applied,
                cutoffs: state.cutoffs)
        }
        return OfflineView(snapshot, options: place.options)
    }

    /// Gives the lock back; the store is of no use after it. Freeing the store does it too.
    public func close() { lock.release() }
}
