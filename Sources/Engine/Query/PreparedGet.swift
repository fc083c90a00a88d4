public import Catalog
public import FeatureModel
public import OnlineStore

/// A prepared feature list, ready to be read; belongs to one thread at a time.
public final class PreparedGet {
    private let entry: HandleTable.Entry
    private let catalog: () -> Catalog
    private let plan: OnlineReadPlan
    /// Definitions up to here give the plan.
    private var catalogPosition: Position
    public let keyTypes: [FeatureType]
    /// Bytes of the key's cell, where there is one key column, of a fixed width.
    public let keyWidth: Int?
    /// Whether any of the groups has a max_age, for which a clock is asked.
    public let needsClock: Bool

    public var outputCount: Int { entry.plan.outputs.count }

    public init(_ entry: HandleTable.Entry, catalog: @escaping () -> Catalog) {
        self.entry = entry
        self.catalog = catalog
        plan = OnlineReads.plan(entry.plan)
        catalogPosition = entry.catalogPosition
        keyTypes = entry.plan.keys.map(\.type)
        keyWidth = keyTypes.count == 1 ? keyTypes[0].fixedWidth : nil
        needsClock = entry.plan.lookups.contains { $0.maxAge != nil }
    }

    /// Looks whether the list still means what it did when it was prepared; cheap while no definitions have come.
    ///
    /// - Throws: `.failedPrecondition` where it means other columns now: the client must know.
    public func refresh(_ position: Position) throws(HeadwaterError) {
        if position == catalogPosition { return }
        let fresh = try catalog().resolve(project: entry.project, entry.selection, fullNames: entry.fullNames)
        // Other columns, keys or ages would be another answer than the client prepared for.
        guard fresh == entry.plan || fresh.hasSameAnswers(as: entry.plan) else {
            throw HeadwaterError(.failedPrecondition, "the definitions behind the handle have changed: prepare again")
        }
        catalogPosition = position
    }

    /// Announces a key that is read soon.
    public func expect(_ key: RawSpan, by reader: OnlineReader) { reader.expect(plan, key: key, type: keyTypes[0]) }

    public func read<Result>(
        _ keys: [Column], rowCount: Int, by reader: OnlineReader, now: Microseconds,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        try OnlineReads.read(plan, keys: keys, rowCount: rowCount, by: reader, now: now, body)
    }
}

extension FeaturePlan {
    /// Whether the outputs, the keys, and the groups that they are read from by which
    /// keys and ages, are the same; new schema versions of the groups may have come.
    fileprivate func hasSameAnswers(as other: FeaturePlan) -> Bool {
        guard outputs == other.outputs, keys == other.keys, lookups.count == other.lookups.count else { return false }
        return zip(lookups, other.lookups).allSatisfy { mine, theirs in
            mine.groupID == theirs.groupID && mine.keys == theirs.keys && mine.features == theirs.features
                && mine.maxAge == theirs.maxAge
        }
    }
}
