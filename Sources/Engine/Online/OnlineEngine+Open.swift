public import FeatureModel
public import Log
import Catalog
import OnlineStore
public import StorageIO

/// What a snapshot of the online store keeps for the engine: catalog and producer window at the cut.
struct EngineState {
    var catalog: Catalog
    var window: ProducerWindow

    func encode() -> [UInt8] {
        let history = catalog.encodeHistory()
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(1))
        bytes.append(littleEndian: UInt32(history.count))
        bytes += history
        return bytes + window.encode()
    }

    init(catalog: Catalog, window: ProducerWindow) {
        self.catalog = catalog
        self.window = window
    }

    init(decoding bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        if bytes.isEmpty {
            catalog = Catalog()
            window = ProducerWindow()
            return
        }
        var reader = FieldReader(bytes, what: "engine state")
        let format = try reader.next(UInt32.self)
        guard format == 1 else {
            throw HeadwaterError(.unimplemented, "engine state of format \(format); this version reads 1: use a newer headwater")
        }
        let historyBytes = Int(try reader.next(UInt32.self))
        catalog = try Catalog(decodingHistory: try reader.bytes(historyBytes))
        window = try ProducerWindow(decoding: bytes.dropFirst(8 + historyBytes))
    }
}

extension OnlineEngine {
    /// The id under which the offline service of the same data directory follows the log.
    public static let localFollowerID: UInt64 = 1
    public static let localFollowerName: ByteString = "offline"

    /// Opens log and online store in `dataDirectory`, and brings the store to the log's end.
    ///
    /// - Parameters:
    ///   - newLogID: the id of a log that is created here.
    ///   - seed: the hash seed of a store that starts empty.
    ///   - progress: told the applied position and the log's last one, now and then during replay.
    /// - Complexity: O(log), of which only what came after the snapshot is applied.
    /// - Throws: `.failedPrecondition` where another process owns the directory, `.dataLoss` at `file:offset` for damage.
    public static func open(
        storage: any Storage, dataDirectory: String, options: OnlineOptions, newLogID: LogID, seed: UInt64, now: Microseconds,
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws(HeadwaterError) -> OnlineEngine {
        let logDirectory = StoragePath.join(dataDirectory, "log")
        let isNew = !storage.exists(StoragePath.join(logDirectory, "control"))
        let log = try LogWriter.open(
            storage: storage, directory: logDirectory, options: options.log, newLogID: newLogID, now: now)
        do throws(HeadwaterError) {
            if isNew {
                // The history begins here: the log keeps everything until the offline service has taken it, or is let go.
                try FollowerCheckpoint(
                    logID: log.logID, id: localFollowerID, name: localFollowerName, position: 0, writerEpoch: 0
                ).save(storage, logDirectory)
            }
            let store = try OnlineStore.open(
                storage, directory: StoragePath.join(dataDirectory, "online"), seed: seed, logID: log.logID.bytes)
            do throws(HeadwaterError) {
                let state = try EngineState(decoding: store.recoveredExtra[...])
                let engine = OnlineEngine(
                    storage: storage, directory: dataDirectory, options: options, log: log, store: store, catalog: state.catalog,
                    window: state.window)
                try engine.replay(progress)
                engine.retention = try log.retention()
                engine.publish()
                return engine
            } catch {
                store.close()
                throw error
            }
        } catch {
            // The log stays as recovery left it; the first failure is the one to report.
            try? log.close(clean: false)
            throw error
        }
    }

    /// Applies what the log holds behind the snapshot.
    private func replay(_ progress: (Position, Position) -> Void) throws(HeadwaterError) {
        guard store.appliedPosition <= log.durablePosition else {
            throw HeadwaterError(
                .dataLoss,
                "the online snapshot is at position \(store.appliedPosition), the log ends at \(log.durablePosition): the log lost its end",
                at: log.directory)
        }
        while store.appliedPosition < log.durablePosition {
            let records = try log.read(after: store.appliedPosition, limitBytes: 16 << 20)
            for record in records { try replay(record) }
            progress(store.appliedPosition, log.durablePosition)
        }
    }

    private func replay(_ record: Record) throws(HeadwaterError) {
        try catalog.fold(record)
        let applied = try Fold.applied(record, catalog: catalog)
        store.apply(applied)
        switch record.kind {
        case .data:
            let answer = WriteAnswer(
                position: record.position, ingestTime: record.ingestTime,
                newerKeyCount: UInt32(newerRows(applied.entries).count))
            window.fold(record.stamp, body: record.body, answer: answer)
        case .producer: window.open(at: record.position)
        case .definitions, .cutoff, .gap: break
        }
    }
}
