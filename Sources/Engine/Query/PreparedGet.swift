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
    /// Of the columns that a request brings: the keys, then those for expressions.
    public let columnTypes: [FeatureType]
    /// Works out the list's expressions; `nil` where it has none.
    private var evaluator: PlanEvaluator?
    /// Bytes of the key's cell, where a request brings one key column, of a fixed width, and nothing else.
    public let keyWidth: Int?
    /// Whether any of the groups has a max_age, or an expression reads the time of the answer: then a clock is asked.
    public let needsClock: Bool

    public var outputCount: Int { entry.plan.outputs.count }
    public var hasExpressions: Bool { evaluator != nil }

    /// Whether the expressions, if there are any, are worked out so soon that others may wait for them.
    public func isQuick(rowCount: Int) -> Bool { evaluator?.isQuick(rowCount: rowCount) ?? true }

    /// - Parameter nulls: counts the nulls that expressions make.
    public init(_ entry: HandleTable.Entry, nulls: ExpressionNulls? = nil, catalog: @escaping () -> Catalog) {
        self.entry = entry
        self.catalog = catalog
        plan = OnlineReads.plan(entry.plan)
        catalogPosition = entry.catalogPosition
        columnTypes = entry.plan.columns.map(\.type)
        let isOneKey = columnTypes.count == 1 && entry.plan.keys.count == 1
        keyWidth = isOneKey ? columnTypes[0].fixedWidth : nil
        // Where outputs are all that is read, in order, the answer is written straight from the rows.
        evaluator = entry.plan.isOnlyReads ? nil : PlanEvaluator(entry.plan, nulls: nulls)
        needsClock =
            entry.plan.lookups.contains { $0.maxAge != nil }
            || entry.plan.expressions.contains { $0.inputs.contains(.requestTime) }
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
    public func expect(_ key: RawSpan, by reader: OnlineReader) { reader.expect(plan, key: key, type: columnTypes[0]) }

    /// Reads what the list names, and nothing beside it.
    ///
    /// - Precondition: it has no expressions.
    public func read<Result>(
        _ keys: [Column], rowCount: Int, by reader: OnlineReader, now: Microseconds,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        precondition(!hasExpressions, "a list with expressions is answered as a whole")
        try OnlineReads.check(rowCount: rowCount, of: entry.plan)
        return try OnlineReads.read(plan, keys: keys, rowCount: rowCount, by: reader, now: now, body)
    }

    /// The answer of a list with expressions, as packed columns.
    ///
    /// - Parameters:
    ///   - columns: those that the request brings, in the order of the plan.
    ///   - bytesMax: of what is read, and of what expressions make of it.
    /// - Throws: as `read`; `.resourceExhausted` where what is read, or made of it, is too large.
    public func evaluate(
        _ columns: [Column], rowCount: Int, by reader: OnlineReader, now: Microseconds, eventTimes: Bool, bytesMax: Int
    ) throws(HeadwaterError) -> [UInt8] {
        try OnlineReads.check(rowCount: rowCount, of: entry.plan)
        let keyCount = entry.plan.keys.count
        let found = try OnlineReads.read(
            plan, keys: Array(columns.prefix(keyCount)), rowCount: rowCount, by: reader, now: now
        ) { (answer) throws(HeadwaterError) in
            guard answer.byteCountMax(eventTimes: eventTimes) <= bytesMax else {
                throw HeadwaterError(
                    .resourceExhausted, "what is read takes more than \(bytesMax) bytes: ask for fewer keys at once")
            }
            answer.count()
            let types = entry.plan.reads.map(\.type)
            return try PackedColumns(decoding: answer.encode(eventTimes: eventTimes)[...], types: types)
        }
        let vectors = try evaluator!.vectors(found, request: Array(columns.dropFirst(keyCount)), now: now, bytesMax: bytesMax)
        let never = eventTimes ? Array(repeating: EventTime.always, count: rowCount) : []
        let times = entry.plan.outputs.map { output in
            if eventTimes, case .read(let place) = output.source { return found.eventTimes[place] }
            return never
        }
        return PackedColumns.encode(
            tag: vectors.position, rowCount: rowCount, columns: vectors.columns, statuses: vectors.statuses,
            eventTimes: eventTimes ? times : [])
    }
}

extension FeaturePlan {
    /// Whether the outputs, the keys, and the groups that they are read from by which
    /// keys and ages, are the same; new schema versions of the groups may have come.
    fileprivate func hasSameAnswers(as other: FeaturePlan) -> Bool {
        guard outputs == other.outputs, keys == other.keys, request == other.request, reads == other.reads,
            expressions == other.expressions, lookups.count == other.lookups.count
        else { return false }
        return zip(lookups, other.lookups).allSatisfy { mine, theirs in
            mine.groupID == theirs.groupID && mine.keys == theirs.keys && mine.features == theirs.features
                && mine.maxAge == theirs.maxAge
        }
    }
}
