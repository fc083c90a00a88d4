public import Catalog
public import FeatureModel
public import OfflineStore

/// The source of a history's spine.
public protocol SpineSource {
    /// The next rows, column `i` of which is the spine's `i`th; `nil` at the end. Waits for them.
    mutating func next() throws(HeadwaterError) -> Batch?
}

/// A point-in-time join whose answer is pulled. It reads, joins and returns one part of the spine before it reads the next, so
/// that a spine of any length takes the memory of one part, and its first rows are answered before the last ones have come.
///
/// Belongs to one thread at a time.
public final class HistoryRead {
    /// The memory that a part may take, half of it for its spine. Larger parts share more reads of the history's blocks.
    private static let partBytesMax = 512 << 20
    private static let partBytesMin = 4 << 20
    private static let rowsMin = 1_024
    /// The memory to which a join that turned out larger may grow.
    private static let joinBytesMax = 256 << 20

    /// How a history is read.
    public struct Options: Sendable {
        public var availability = Availability.event
        /// Whether the answer says when each value became true.
        public var eventTimes = false
        /// A part takes one of so many shares of the memory that other histories leave, so that each of many finds some.
        public var memoryShares = 1
        public var executor = ParallelExecutor.serial
        /// Counts the nulls that expressions make.
        public var nulls: ExpressionNulls?

        public init() {}
    }

    public let plan: FeaturePlan
    /// The history as of here.
    public let position: Position
    private let view: OfflineView
    private let options: Options
    private let memory: MemoryLease
    private let isCancelled: @Sendable () -> Bool
    private var spine: SpineGather
    /// An estimate of the memory of a joined row: by the types at first,
    /// later by the rows seen, as only the join shows how long texts are.
    private var bytesPerRow: Int
    /// The part under way, and which of its rows are still to be joined, the next ones last.
    private var part: SpinePart?
    private var waiting: [Range<Int>] = []

    /// - Parameters:
    ///   - plan: resolved with the definitions of `position`.
    ///   - spineColumns: keys and the time.
    ///   - spineTime: which of them is the time.
    ///   - memory: empty; what it takes is given back with it.
    ///   - isCancelled: asked often, by several threads.
    /// - Throws: `.invalidArgument` where the spine lacks its time or a key, or has another column.
    public init(
        _ plan: FeaturePlan, spineColumns: [Field], spineTime: String, view: OfflineView, asOf position: Position,
        options: Options, memory: MemoryLease, isCancelled: @escaping @Sendable () -> Bool
    ) throws(HeadwaterError) {
        self.plan = plan
        self.position = position
        self.view = view
        self.options = options
        self.memory = memory
        self.isCancelled = isCancelled
        spine = try SpineGather(spineColumns, time: spineTime, plan)
        bytesPerRow = OfflineReads.historyBytes(plan, eventTimes: options.eventTimes)
    }

    /// Joins the next rows of the spine.
    ///
    /// - Parameter pause: called again and again while other histories hold the memory; what it throws ends the read.
    /// - Returns: a feature for each output of the plan; `nil` at the end.
    /// - Throws: as `OfflineView.join`, `.resourceExhausted` where one row does not fit into the memory.
    public func next(
        _ source: inout some SpineSource, pause: () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> [JoinedFeature]? {
        if waiting.isEmpty, try !readPart(&source, pause: pause) { return nil }
        let part = part!
        while true {
            let rows = waiting.removeLast()
            let missing = part.byteCount + rows.count * bytesPerRow - memory.bytes
            let limit = memory.bytes - part.byteCount + max(missing, 0)
            let joined: [JoinedFeature]
            do throws(HeadwaterError) {
                if missing > 0 { try memory.need(missing, for: "a history") }
                joined = try join(part, rows, limitBytes: limit)
            } catch  where error.code == .resourceExhausted {
                try splitOrGrow(rows, part, limit, error)
                continue
            }
            let held = joined.reduce(0) { $0 + $1.column.byteCount + $1.statuses.packed.count + 8 * $1.eventTimes.count }
            // The lease keeps what the waiting rows of the part may need.
            memory.shrink(to: part.byteCount + (waiting.isEmpty ? held : max(held, limit)))
            return joined
        }
    }

    /// Reads the next part of the spine; `false` at its end.
    private func readPart(
        _ source: inout some SpineSource, pause: () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> Bool {
        part = nil
        memory.shrink(to: 0)
        guard try spine.hasMore(&source) else { return false }
        // Nothing is held before the part comes, so that a history that waits for memory keeps none from others.
        while !takeShare() { try pause() }
        let half = memory.bytes / 2
        let part = try spine.next(&source, rowsMax: max(half / bytesPerRow, Self.rowsMin), bytesMax: half)
        self.part = part
        waiting = [0..<part.times.count]
        memory.shrink(to: part.byteCount + part.times.count * bytesPerRow)
        if memory.bytes < part.byteCount { try memory.need(part.byteCount - memory.bytes, for: "the spine of a history") }
        return true
    }

    /// Takes memory for a part, by the bound of the budget as it is now.
    private func takeShare() -> Bool {
        let bytesMax = memory.budget.bytesMax
        let least = min(Self.partBytesMin, bytesMax / options.memoryShares)
        return memory.takeShare(options.memoryShares, least...max(least, min(Self.partBytesMax, bytesMax / 2)))
    }

    private func join(
        _ part: SpinePart, _ rows: Range<Int>, limitBytes: Int
    ) throws(HeadwaterError) -> [JoinedFeature] {
        try OfflineReads.history(
            plan, columns: part.columns.map { $0.slice(rows) }, times: part.times.slice(rows), view: view, asOf: position,
            availability: options.availability, eventTimes: options.eventTimes, executor: options.executor,
            memoryLimitBytes: limitBytes, nulls: options.nulls, isCancelled: isCancelled)
    }

    /// Goes on where rows did not fit: with more memory where that does
    /// not do, and in halves, and their halves, where there is none.
    private func splitOrGrow(
        _ rows: Range<Int>, _ part: SpinePart, _ limit: Int, _ error: HeadwaterError
    ) throws(HeadwaterError) {
        let wasTaken = memory.bytes == part.byteCount + limit
        if wasTaken, 2 * limit <= Self.joinBytesMax || rows.count == 1, memory.grow(by: limit) {
            bytesPerRow *= 2
            waiting.append(rows)
        } else if rows.count > 1 {
            let middle = rows.lowerBound + rows.count / 2
            waiting += [middle..<rows.upperBound, rows.lowerBound..<middle]
        } else {
            throw error
        }
    }
}
