public import FeatureModel

/// The history at one moment: chunks pinned by reference and the memory of that moment. Never changes; any thread may read it.
public final class OfflineView: Sendable {
    struct Snapshot: Sendable {
        let version: StoreVersion
        let frozen: [GroupID: MemoryTable]
        let live: [GroupID: MemoryTable]
        let position: Position
        let cutoffs: [GroupID: CutoffHistory]
    }

    private let snapshot: Snapshot
    let options: OfflineOptions

    init(_ snapshot: Snapshot, options: OfflineOptions) {
        self.snapshot = snapshot
        self.options = options
    }

    /// The last position that the view holds: the greatest `asOf`.
    public var position: Position { snapshot.position }
    /// The least `asOf` of a group: retention has removed rows that were to be seen before it; 0 where it has removed none.
    public func oldestAsOf(of group: GroupID) -> Position { snapshot.version.manifest.oldestAsOf[group] ?? 0 }
    /// The least `asOf` at which every group can be read.
    public var oldestAsOf: Position { snapshot.version.manifest.oldestAsOfEveryGroup }

    /// Rows of the group with an event time before it are hidden at the view's position; `nil` where there is no cutoff.
    public func cutoff(of group: GroupID) -> Microseconds? { snapshot.cutoffs[group]?.effective(asOf: position)?.cutoff }

    /// Groups that have a cutoff.
    public var groupsWithCutoff: [GroupID] { snapshot.cutoffs.keys.sorted() }

    /// All runs of a group: chunks first, then frozen and live memory. Each row is in just one.
    func runs(_ group: GroupID) -> [SortedRun] {
        let chunks = (snapshot.version.runs[group] ?? []).map { SortedRun.chunks($0.chunks) }
        let memory = [snapshot.frozen[group], snapshot.live[group]].compactMap { $0 }.flatMap(\.runs)
        return chunks + memory.map { SortedRun.memory($0) }
    }

    /// Refuses a position of which retention has removed rows of a group.
    ///
    /// - Parameter name: the group's, for the message: the store does not know it.
    /// - Throws: `.outOfRange`.
    public func checkKept(_ group: GroupID, named name: String? = nil, asOf: Position) throws(HeadwaterError) {
        let oldest = oldestAsOf(of: group)
        if asOf >= oldest { return }
        let isRemoved = snapshot.version.manifest.cutoffs[group]?.effective(asOf: oldest)?.cutoff == GroupRemoval.cutoff
        if isRemoved {
            throw HeadwaterError(
                .outOfRange, "group \(name.map { "'\($0)' " } ?? "")removed at \(oldest), and its rows as of \(asOf) with it")
        }
        let retention = name.map { "the retention of group '\($0)'" } ?? "the group's retention"
        throw HeadwaterError(
            .outOfRange,
            "as_of \(asOf) lies before \(oldest): \(retention) has removed rows of that time; use \(oldest) or later")
    }

    /// The filter of what a read at `asOf` may see of a group.
    ///
    /// - Throws: `.outOfRange` where the view does not reach that position, or retention has removed rows that it had.
    func filter(_ group: GroupID, asOf: Position) throws(HeadwaterError) -> RowFilter {
        guard asOf <= position else {
            throw HeadwaterError(.outOfRange, "as_of \(asOf) lies beyond the applied position \(position)")
        }
        try checkKept(group, asOf: asOf)
        let cutoff = snapshot.cutoffs[group]?.effective(asOf: asOf)?.cutoff
        return RowFilter(asOf: asOf, eventTimeLeast: cutoff ?? .min)
    }

    func merge(_ group: GroupID, _ filter: RowFilter) throws(HeadwaterError) -> RunMerge {
        try RunMerge(runs(group), filter: filter, limits: options.blockLimits)
    }
}
