public import FeatureModel

/// Reads vectors from a store, again and again with the same memory. Belongs to one thread at a time.
public final class OnlineReader {
    /// The buffers of a read. A read takes them out of the reader until
    /// it ends, so that no access to them is checked at run time.
    private struct Memory {
        var keys = EncodedKeys()
        var keyColumns: [Column] = []
        var found = FoundRows()
        /// Cells of each lookup, one lookup behind the other.
        var cells: [FoundCell] = []
        var parts: [FoundPart] = []
    }

    public let store: OnlineStore
    private var memory = Memory()
    private var pinned: (maps: MapSet, position: Position)?
    /// Keys of announced reads.
    private var expected: [ExpectedKey] = []

    public init(_ store: OnlineStore) { self.store = store }

    /// Lets all reads until `unpin` see the position that is visible now: reads that came together may share it.
    public func pin() {
        if pinned != nil { return }
        let (maps, position, _) = store.pin()
        pinned = (maps, position)
    }

    public func unpin() {
        guard let (_, position) = pinned else { return }
        pinned = nil
        store.unpin(position)
    }

    /// The position that reads see while they are pinned.
    public var pinnedPosition: Position? { pinned?.position }

    /// Finds the rows of a plan's lookups for the keys of a request, all at one
    /// position, and lends them to `body`, which counts those that it answers.
    ///
    /// - Parameters:
    ///   - keys: the request's key columns, each of `rowCount` rows and of the type that the plan's groups have.
    ///   - now: the clock that max_age counts back from.
    /// - Complexity: O(lookups × keys × maps) besides `body`.
    /// - Throws: `.dataLoss` where the snapshot is damaged, `.failedPrecondition` where the schema moved since the plan was
    ///   made, `.invalidArgument` for a column that is no feature, and what `body` throws.
    public func read<Result>(
        _ plan: OnlineReadPlan, keys columns: [Column], rowCount: Int, now: Microseconds,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        let isPinned = pinned != nil
        if !isPinned { pin() }
        defer { if !isPinned { unpin() } }
        let (maps, position) = pinned!
        return try read(plan, keys: columns, rowCount: rowCount, now: now, maps, at: position, body)
    }

    /// Reads in maps that are pinned at `position`.
    private func read<Result>(
        _ plan: OnlineReadPlan, keys columns: [Column], rowCount: Int, now: Microseconds, _ maps: MapSet, at position: Position,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        let compiled = try plan.compile(store, maps)
        var memory = Memory()
        swap(&memory, &self.memory)
        defer {
            // The key columns share the request's memory, which its owner uses again.
            memory.keyColumns.removeAll(keepingCapacity: true)
            swap(&memory, &self.memory)
        }
        memory.cells.removeAll(keepingCapacity: true)
        memory.parts.removeAll(keepingCapacity: true)
        for lookup in compiled.lookups {
            memory.keyColumns.removeAll(keepingCapacity: true)
            for key in lookup.keys { memory.keyColumns.append(columns[key]) }
            memory.keys.encode(lookup.groupID, memory.keyColumns, rowCount: rowCount, seed: store.seed)
            try maps.find(memory.keys, at: position, rowBytes: lookup.rowBytes, into: &memory.found)
            let oldest = lookup.maxAge.map { now.subtractingSaturated($0) } ?? .min
            memory.parts.append(try FoundPart(lookup, memory.found, oldest: oldest, into: &memory.cells))
        }
        return try body(
            OnlineAnswer(plan: compiled, cells: memory.cells, parts: memory.parts, foundCount: rowCount, position: position))
    }

    // MARK: Looking ahead

    /// Announces a read of one key of fixed width that comes soon;
    /// `loadExpected` then prefetches what all announced reads will touch.
    ///
    /// One read waits for memory three times in a row; the waits of several reads overlap.
    /// - Parameter key: the cell of the only key column, as it stands
    ///   in a column of `type`. Keys of other types are not prefetched.
    public func expect(_ plan: OnlineReadPlan, key: RawSpan, type: FeatureType) {
        for lookup in plan.lookups where lookup.keys.count == 1 {
            guard let hash = EncodedKeys.hash(of: key, type, lookup.groupID, seed: store.seed) else { return }
            expected.append(ExpectedKey(hash: hash, rowBytes: plan.rowBytes))
        }
    }

    /// Prefetches what the announced reads will touch, in the maps that are pinned.
    public func loadExpected() {
        var keys: [ExpectedKey] = []
        swap(&keys, &expected)
        // A single read gains nothing from a prefetch.
        if keys.count > 1, let (maps, _) = pinned { maps.load(keys) }
        keys.removeAll(keepingCapacity: true)
        swap(&keys, &expected)
    }
}

extension Microseconds {
    /// The difference, or the nearest instant that 64 bits hold.
    func subtractingSaturated(_ other: Microseconds) -> Microseconds {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}
