public import FeatureModel
internal import Synchronization

/// Reads vectors from a store, again and again with the same memory. Belongs to one thread at a time.
public final class OnlineReader {
    public let store: OnlineStore
    private var keys = EncodedKeys()
    private var keyColumns: [Column] = []
    private var found = FoundRows()
    /// Cells of each lookup, one lookup behind the other.
    var cells: [FoundCell] = []
    var parts: [FoundPart] = []

    public init(_ store: OnlineStore) { self.store = store }

    /// Finds the rows of a plan's lookups for the keys of a request, all at one position, and lends them to `body`.
    ///
    /// - Parameters:
    ///   - keys: the request's key columns.
    ///   - now: the clock that max_age counts back from.
    /// - Complexity: O(lookups × keys × maps) besides `body`.
    /// - Throws: `.dataLoss` where the snapshot is damaged, `.failedPrecondition` where the schema moved since the plan was
    ///   made, `.invalidArgument` for columns that do not fit a group, and what `body` throws.
    public func read<Result>(
        _ plan: OnlineReadPlan, keys columns: [Column], rowCount: Int, now: Microseconds,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        let (tables, position, _) = store.pin()
        defer { store.unpin(position) }
        return try read(plan, keys: columns, rowCount: rowCount, now: now, tables, at: position, body)
    }

    /// The same in maps that the caller has pinned at `position`.
    func read<Result>(
        _ plan: OnlineReadPlan, keys columns: [Column], rowCount: Int, now: Microseconds, _ tables: Tables, at position: Position,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        let compiled = try plan.compile(store, tables)
        cells.removeAll(keepingCapacity: true)
        parts.removeAll(keepingCapacity: true)
        for index in compiled.lookups.indices {
            try find(compiled.lookups[index], columns, rowCount: rowCount, now: now, tables, at: position)
        }
        return try body(OnlineAnswer(reader: self, plan: compiled, rowCount: rowCount, position: position))
    }

    private func find(
        _ lookup: CompiledLookup, _ columns: [Column], rowCount: Int, now: Microseconds, _ tables: Tables, at position: Position
    ) throws(HeadwaterError) {
        keyColumns.removeAll(keepingCapacity: true)
        for key in lookup.keys { keyColumns.append(columns[key]) }
        try check(lookup, rowCount: rowCount, tables)
        keys.encode(lookup.groupID, keyColumns, rowCount: rowCount, seed: store.seed)
        try tables.find(keys, at: position, rowBytes: lookup.rowBytes, into: &found)
        let oldest = lookup.maxAge.map { now.subtractingSaturated($0) } ?? .min
        parts.append(try FoundPart(lookup, found, oldest: oldest, into: &cells))
    }

    private func check(_ lookup: CompiledLookup, rowCount: Int, _ tables: Tables) throws(HeadwaterError) {
        for column in keyColumns where column.count != rowCount || !column.type.isKeyType {
            throw HeadwaterError(.invalidArgument, "key columns must be of key types and of one length")
        }
        guard let types = lookup.keyTypes else { return }
        var fits = types.count == keyColumns.count
        for index in types.indices where fits { fits = keyColumns[index].type == types[index] }
        if !fits, let schema = tables.groups[lookup.groupID]?.newest {
            let types = schema.keys.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
            throw HeadwaterError(.invalidArgument, "the key of group \(lookup.groupID) is (\(types))")
        }
    }
}

/// What a read found, lent for the length of a call.
public struct OnlineAnswer {
    let reader: OnlineReader
    let plan: CompiledPlan
    public let rowCount: Int
    /// The position that the whole answer shows.
    public let position: Position

    /// What was found of the rows of a lookup as a whole: never `.nullValue`.
    public func rowStatus(lookup: Int, row: Int) -> CellStatus { reader.cells[lookup * rowCount + row].status }

    /// Event time of a row that was found; `always` in a static table and where there is none.
    public func eventTime(lookup: Int, row: Int) -> Microseconds { reader.cells[lookup * rowCount + row].eventTime }
}

extension Microseconds {
    /// The difference, or the nearest instant that 64 bits hold.
    func subtractingSaturated(_ other: Microseconds) -> Microseconds {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}
