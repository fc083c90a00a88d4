import Catalog
import Client
import Engine
import FeatureModel
import Log
import OfflineStore
import StorageIO

/// The history of a data directory that no server runs on: the offline store, and in memory what the log has behind it.
final class DirectOffline {
    /// Bytes that one part of a join may take.
    private static let joinBytesMax = 256 << 20

    private let store: OfflineStore
    private let newest: Catalog

    /// - Throws: `.outOfRange` where the log does not have `minPosition`, else as `DirectCatalog.load`.
    init(dataDirectory: String, minPosition: Position) throws(HeadwaterError) {
        let storage = RealStorage()
        let log = try DirectLog.open(storage, dataDirectory)
        try DirectLog.check(minPosition, in: log)
        store = try Self.openStore(storage, dataDirectory)
        guard store.logID == log.logID.bytes else {
            throw HeadwaterError(.failedPrecondition, "the offline store belongs to another log", at: dataDirectory)
        }
        var folded = try EngineState(decoding: store.extra[...])
        while store.appliedPosition < log.durablePosition {
            for record in try log.read(after: store.appliedPosition, limitBytes: DirectCatalog.readBytes) {
                try folded.fold(record, applied: store.appliedPosition)
                store.apply(try Fold.applied(record, catalog: folded.catalog))
            }
        }
        newest = folded.catalog
    }

    /// Opens the store for reading, with advice where a server has it.
    static func openStore(_ storage: RealStorage, _ dataDirectory: String) throws(HeadwaterError) -> OfflineStore {
        do {
            return try OfflineStore(dataDirectory: dataDirectory, logID: nil, storage: storage, readOnly: true)
        } catch  where error.code == .failedPrecondition {
            throw HeadwaterError(
                error.code, "\(error.message); ask the server with --address instead of reading its directory", at: error.location
            )
        }
    }

    var status: OfflineStatus { store.status() }
    var catalog: Catalog { newest }
    func catalog(asOf: Position?) -> Catalog { asOf.map { newest.asOf($0) } ?? newest }

    /// Joins a spine, part by part.
    func history(
        _ plan: FeaturePlan, spine: SpineTable, split: RowSplit?, asOf: Position?, availability: Availability
    ) throws(HeadwaterError) -> DirectJoin {
        let view = store.view()
        return DirectJoin(
            plan: plan, spine: spine, split: split, view: view, position: asOf ?? view.position, availability: availability,
            memoryLimitBytes: Self.joinBytesMax)
    }

    /// Reads the rows of a group, or the latest of each key, with the columns that a server gives.
    func scan(_ query: ScanQuery, latest: LatestArguments?, project: String) throws(HeadwaterError) -> DirectScan {
        let view = store.view()
        let position = query.asOf ?? view.position
        let schema = try catalog(asOf: query.asOf).group(project: project, reference: query.group).newestSchema
        var ordinals: [Int]?
        if !query.columns.isEmpty {
            ordinals = try query.columns.map { (name) throws(HeadwaterError) in
                guard let ordinal = schema.ordinal(ofFeature: name) else {
                    throw HeadwaterError(
                        .notFound,
                        "no feature '\(name)' in \(query.group); it has \(schema.features.map(\.name).joined(separator: ", "))")
                }
                return ordinal
            }
        }
        let keys = try query.keys.map { (keys) throws(HeadwaterError) in
            KeySet(try OnlineReads.arrange(keys, as: schema.keys))
        }
        let scan =
            if let latest {
                try view.latest(schema, columns: ordinals, at: latest.at, keys: keys, asOf: position)
            } else {
                try view.scan(
                    schema, columns: ordinals, start: query.start, end: query.end, keys: keys, asOf: position,
                    includeDeletes: query.deletes)
            }
        return DirectScan(
            layout: RowsLayout(
                schema: schema, ordinals: ordinals, deletes: query.deletes, brief: query.brief, isLatest: latest != nil),
            position: position, scan: scan)
    }
}

/// A join's answer, made as it is asked for. Belongs to one task.
final class DirectJoin: JoinedRows {
    private let plan: FeaturePlan
    private let spine: SpineTable
    private let split: RowSplit?
    private let view: OfflineView
    let position: Position
    private let availability: Availability
    private let memoryLimitBytes: Int
    private var isFirst = true

    init(
        plan: FeaturePlan, spine: SpineTable, split: RowSplit?, view: OfflineView, position: Position, availability: Availability,
        memoryLimitBytes: Int
    ) {
        self.plan = plan
        self.spine = spine
        self.split = split
        self.view = view
        self.position = position
        self.availability = availability
        self.memoryLimitBytes = memoryLimitBytes
    }

    func next() async throws(HeadwaterError) -> JoinedPart? {
        let names = plan.outputs.map(\.name)
        guard let batch = try spine.next(dealingTo: split) else {
            guard isFirst else { return nil }
            isFirst = false
            return JoinedPart(
                names: names, rowCount: 0, columns: plan.outputs.map { .nulls($0.type, count: 0) },
                statuses: plan.outputs.map { _ in StatusColumn() })
        }
        isFirst = false
        let joined = try OfflineReads.history(
            plan, keys: plan.keys.indices.map { batch.columns[$0] }, times: batch.columns[spine.timeIndex], view: view,
            asOf: position,
            availability: availability, memoryLimitBytes: memoryLimitBytes, isCancelled: { Task.isCancelled })
        return JoinedPart(
            names: names, rowCount: batch.rowCount, columns: joined.map(\.column), statuses: joined.map(\.statuses))
    }
}

/// A scan's answer, made as it is asked for. Belongs to one task.
final class DirectScan: ScannedRows {
    private let layout: RowsLayout
    let position: Position
    private var scan: RowScan
    private var isFirst = true

    init(layout: RowsLayout, position: Position, scan: RowScan) {
        self.layout = layout
        self.position = position
        self.scan = scan
    }

    func next() async throws(HeadwaterError) -> ScannedPart? {
        defer { isFirst = false }
        let names = layout.outputs.map(\.name)
        guard let rows = try scan.next() else {
            return isFirst ? ScannedPart(names: names, columns: layout.outputs.map { .nulls($0.type, count: 0) }) : nil
        }
        return ScannedPart(names: names, columns: layout.columns(rows).columns)
    }
}
