import Catalog
import Client
import Dispatch
import Engine
import FeatureModel
import Foundation
import OfflineStore

extension HistoryDirectory {
    /// Memory of one join.
    private static let joinBytesMax = 512 << 20

    /// Joins a spine, part by part.
    func join(
        _ plan: FeaturePlan, spine: SpineTable, split: RowSplit?, asOf: Position?, availability: Availability
    ) throws(HeadwaterError) -> DirectJoin {
        var options = HistoryRead.Options()
        options.availability = availability
        options.executor = .processors
        let read = try join(
            plan, spineColumns: spine.columns, spineTime: spine.columns[spine.timeIndex].name, asOf: asOf, options: options,
            memory: MemoryLease(
                MemoryBudget(bytesMax: Self.joinBytesMax, advice: "one row of this join does not fit: ask for fewer features")),
            // The interrupt is asked for and not the task's cancellation, which other threads do not see.
            isCancelled: { Interrupts.wasInterrupted })
        return DirectJoin(read, spine: spine, split: split)
    }

    /// Reads the rows of a group, or the latest of each key, with the columns that a server gives.
    func scan(_ query: RowsQuery, project: String) throws(HeadwaterError) -> DirectScan {
        DirectScan(try rows(query, project: project, executor: .processors))
    }
}

extension ParallelExecutor {
    /// A thread for each processor.
    fileprivate static let processors = ParallelExecutor(size: ProcessInfo.processInfo.activeProcessorCount) { count, body in
        DispatchQueue.concurrentPerform(iterations: count, execute: body)
    }
}

/// A join's answer, made as it is asked for. Belongs to one task.
final class DirectJoin: JoinedRows {
    private let read: HistoryRead
    private var spine: Source
    private var isFirst = true

    private struct Source: SpineSource {
        let spine: SpineTable
        let split: RowSplit?

        mutating func next() throws(HeadwaterError) -> Batch? {
            if Interrupts.wasInterrupted { throw HeadwaterError(.cancelled, "the join was cancelled") }
            return try spine.next(dealingTo: split)
        }
    }

    init(_ read: HistoryRead, spine: SpineTable, split: RowSplit?) {
        self.read = read
        self.spine = Source(spine: spine, split: split)
    }

    var position: Position { read.position }

    func next() async throws(HeadwaterError) -> JoinedPart? {
        defer { isFirst = false }
        let outputs = read.plan.outputs
        let names = outputs.map(\.name)
        func memoryIsHeld() throws(HeadwaterError) {
            throw HeadwaterError(.internal, "nobody else takes of this join's memory")
        }
        if let joined = try read.next(&spine, pause: memoryIsHeld) {
            return JoinedPart(
                names: names, rowCount: joined.first?.column.count ?? 0, columns: joined.map(\.column),
                statuses: joined.map(\.statuses))
        }
        guard isFirst else { return nil }
        return JoinedPart(
            names: names, rowCount: 0, columns: outputs.map { .nulls($0.type, count: 0) },
            statuses: outputs.map { _ in StatusColumn() })
    }
}

/// A scan's answer, made as it is asked for. Belongs to one task.
final class DirectScan: ScannedRows {
    private let read: RowsRead
    private var isFirst = true

    init(_ read: RowsRead) { self.read = read }

    var position: Position { read.position }

    func next() async throws(HeadwaterError) -> ScannedPart? {
        defer { isFirst = false }
        let names = read.outputs.map(\.name)
        guard let (columns, _) = try read.next(isCancelled: { Interrupts.wasInterrupted }) else {
            return isFirst ? ScannedPart(names: names, columns: read.outputs.map { .nulls($0.type, count: 0) }) : nil
        }
        return ScannedPart(names: names, columns: columns)
    }
}
