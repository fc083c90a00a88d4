public import Catalog
public import FeatureModel
public import OfflineStore

/// Where the rows of a history's spine come from.
public protocol SpineSource {
    /// The next rows, column `i` of which is the spine's `i`th; `nil` at the end. Waits for them.
    mutating func next() throws(HeadwaterError) -> Batch?
}

/// A point-in-time join as it is pulled: a part of the spine is read, joined and given before the next is read, so that a spine
/// of any length takes the memory of a part, and its first rows are answered while later ones have not come yet.
///
/// Belongs to one thread at a time.
public final class HistoryRead {
    /// Of a part: about what it may hold, half of it for its spine. Larger parts share more reads of the history's blocks.
    private static let partBytesMax = 512 << 20
    private static let partBytesMin = 4 << 20
    private static let rowsMin = 1_024
    /// What a join that turned out larger may grow to.
    private static let joinBytesMax = 256 << 20

    /// How a history is read.
    public struct Options: Sendable {
        public var availability = Availability.event
        /// Whether the answer says when each value became true.
        public var eventTimes = false
        /// Of the memory that other histories leave a part takes one of so many, so that each of many finds some.
        public var memoryShares = 1
        public var crew = WorkCrew.alone

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
    /// About what a row takes: by types at first; how much texts take is known only by joining, so then by what was seen.
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
            // What the part may need for rows that wait stays taken.
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
        // Of a part that has not come nothing is held: so those that wait for memory hold nothing up.
        let least = min(Self.partBytesMin, memory.budget.bytesMax / options.memoryShares)
        let most = max(least, min(Self.partBytesMax, memory.budget.bytesMax / 2))
        while !memory.takeShare(options.memoryShares, least...most) { try pause() }
        let half = memory.bytes / 2
        let part = try spine.next(&source, rowsMax: max(half / bytesPerRow, Self.rowsMin), bytesMax: half)
        self.part = part
        waiting = [0..<part.times.count]
        memory.shrink(to: part.byteCount + part.times.count * bytesPerRow)
        if memory.bytes < part.byteCount { try memory.need(part.byteCount - memory.bytes, for: "the spine of a history") }
        return true
    }

    private func join(
        _ part: SpinePart, _ rows: Range<Int>, limitBytes: Int
    ) throws(HeadwaterError) -> [JoinedFeature] {
        try OfflineReads.history(
            plan, keys: part.keys.map { $0.slice(rows) }, times: part.times.slice(rows), view: view, asOf: position,
            availability: options.availability, eventTimes: options.eventTimes, crew: options.crew,
            memoryLimitBytes: limitBytes, isCancelled: isCancelled)
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
