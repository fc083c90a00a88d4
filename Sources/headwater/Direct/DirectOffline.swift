import Catalog
import Client
import Dispatch
import Engine
import FeatureModel
import Foundation
import Log
import OfflineStore
import StorageIO

/// The history of a data directory that no server runs on: the offline store, and in memory what the log has behind it.
final class DirectOffline {
    /// Bytes that one part of a join may take.
    private static let joinBytesMax = 256 << 20

    private let store: OfflineStore
    private let newest: Catalog

    /// From here on Ctrl-C cancels what is read.
    ///
    /// - Throws: `.outOfRange` where the log does not have `minPosition`, else as `DirectCatalog.load`.
    init(dataDirectory: String, minPosition: Position) throws(HeadwaterError) {
        Interrupts.watch()
        let storage = RealStorage()
        let log = try DirectLog.open(storage, dataDirectory)
        try DirectLog.check(minPosition, in: log)
        store = try Self.openStore(storage, dataDirectory)
        guard store.logID == log.logID.bytes else {
            throw HeadwaterError(.failedPrecondition, "the offline store belongs to another log", at: dataDirectory)
        }
        let replica = try Replica(store, kept: store.extra)
        try DirectLog.follow(log, replica)
        newest = replica.state.catalog
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
        let group = try catalog(asOf: query.asOf).group(project: project, reference: query.group)
        let schema = group.newestSchema
        try view.checkKept(schema.groupID, named: query.group, asOf: position)
        let ordinals = try OfflineReads.ordinals(of: query.columns, in: group)
        let keys = try query.keys.map { (keys) throws(HeadwaterError) in
            KeySet(try OnlineReads.arrange(keys, as: schema.keys))
        }
        let layout = try RowsLayout(
            schema: schema, ordinals: ordinals, deletes: query.deletes, brief: query.brief, isLatest: latest != nil)
        let scan =
            if let latest {
                try view.latest(
                    schema, columns: ordinals, at: latest.at, keys: keys, asOf: position, fields: layout.fields, crew: .processors
                )
            } else {
                try view.scan(
                    schema, columns: ordinals, start: query.start, end: query.end, keys: keys, asOf: position,
                    includeDeletes: query.deletes, fields: layout.fields, crew: .processors)
            }
        return DirectScan(layout: layout, position: position, scan: scan)
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
    /// Pieces of a part that did not fit into the memory at once, the next one last.
    private var waiting: [Piece] = []

    /// Rows of the spine: keys in the plan's order, and times.
    private struct Piece {
        let keys: [Column]
        let times: Column

        func slice(_ rows: Range<Int>) -> Piece { Piece(keys: keys.map { $0.slice(rows) }, times: times.slice(rows)) }
    }

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
        while let piece = try nextPiece() {
            guard let joined = try join(piece) else { continue }
            isFirst = false
            return JoinedPart(
                names: names, rowCount: piece.times.count, columns: joined.map(\.column), statuses: joined.map(\.statuses))
        }
        guard isFirst else { return nil }
        isFirst = false
        return JoinedPart(
            names: names, rowCount: 0, columns: plan.outputs.map { .nulls($0.type, count: 0) },
            statuses: plan.outputs.map { _ in StatusColumn() })
    }

    /// What waits, then batches of the spine, as many as a part of the memory does for by their own bytes and by the features' types: more rows
    /// share more reads of history's blocks.
    private func nextPiece() throws(HeadwaterError) -> Piece? {
        if let piece = waiting.popLast() { return piece }
        let bytesMax = memoryLimitBytes / 2
        let answerBytes = OfflineReads.historyBytes(plan)
        var batches: [Batch] = []
        var bytes = 0
        while bytes < bytesMax, let batch = try spine.next(dealingTo: split) {
            if Interrupts.wasInterrupted { throw HeadwaterError(.cancelled, "the join was cancelled") }
            batches.append(batch)
            bytes += batch.rowCount * answerBytes + batch.bytes.count
        }
        if batches.isEmpty { return nil }
        func column(_ place: Int) -> Column { Column.joined(batches.map { $0.columns[place] }) }
        return Piece(keys: plan.keys.indices.map { column($0) }, times: column(spine.timeIndex))
    }

    /// Joins a piece of the spine; `nil` where it does not fit into the memory: its halves wait then.
    private func join(_ piece: Piece) throws(HeadwaterError) -> [JoinedFeature]? {
        let count = piece.times.count
        do throws(HeadwaterError) {
            return try OfflineReads.history(
                plan, keys: piece.keys, times: piece.times, view: view, asOf: position, availability: availability,
                crew: .processors, memoryLimitBytes: memoryLimitBytes,
                // Not the task's own word, which the crew's threads do not hear.
                isCancelled: { Interrupts.wasInterrupted })
        } catch {
            guard error.code == .resourceExhausted, count > 1 else { throw error }
            waiting += [piece.slice(count / 2..<count), piece.slice(0..<count / 2)]
            return nil
        }
    }
}

extension WorkCrew {
    /// A thread for each processor.
    fileprivate static let processors = WorkCrew(size: ProcessInfo.processInfo.activeProcessorCount) { count, body in
        DispatchQueue.concurrentPerform(iterations: count, execute: body)
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
        guard let rows = try scan.next(isCancelled: { Interrupts.wasInterrupted }) else {
            return isFirst ? ScannedPart(names: names, columns: layout.outputs.map { .nulls($0.type, count: 0) }) : nil
        }
        return ScannedPart(names: names, columns: layout.columns(rows).columns)
    }
}
