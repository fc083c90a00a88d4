public import FeatureModel

extension OfflineView {
    /// The point-in-time join: for each spine row and group, the features of the row that held at the spine's time.
    ///
    /// For a spine row (key, t) that is the greatest row by (event_time, position, row) with `event_time <= t`; with availability
    /// `.ingest` the greatest of those that were known at t, tombstones too. A tombstone there, no row at all, a null key or a
    /// null t is NOT_FOUND. With a max_age, a row with `event_time < t - max_age` is OUTSIDE_MAX_AGE. Rows after `asOf`, and rows
    /// that retention hides at `asOf`, count as absent. Rows of a static group match at any t.
    ///
    /// **How.** docs/internals/point-in-time-join.md. For each group the spine's rows are sorted by (key bytes, t). Each run of
    /// the group, being sorted by (key, event_time, position, row), is then matched with them key by key, blocks between the
    /// spine's keys passed over by the chunks' directories, times found by galloping; of keys and times only are pages read. The
    /// features of the greatest matches are copied block by block straight to the spine's order.
    ///
    /// - Parameters:
    ///   - spineTimes: a timestamp column; its length is the spine's, at most 2³¹ - 1.
    ///   - keys: the spine's key columns.
    ///   - lookups: the groups; keys by their places in `keys`, of the types of the group's.
    ///   - eventTimes: whether the answer says when each value became true.
    ///   - asOf: the last position that counts.
    ///   - executor: does the work; cancelled and damaged pieces stop the others.
    ///   - isCancelled: asked at every block that is matched and every few that are copied from, by several threads.
    ///   - memoryLimitBytes: for the spine's order, the matches and the answer together.
    /// - Returns: by lookup, then by feature, in the order asked for; every column as long as the spine.
    /// - Complexity: for each group, n spine rows, k runs of m rows with keys in the spine: O(n log n)
    ///   to sort, O(n k log(m / n)) to match, O(n features) to copy; every block that may hold a spine
    ///   key is read once (and once more where pieces of the work meet), of feature columns only those
    ///   asked for. Memory: `joinBytes` a spine row, and a block for each thread of the executor.
    /// - Throws: `.outOfRange` for an `asOf` that is not there, `.resourceExhausted` over the limit, `.cancelled`, `.dataLoss`,
    ///   `.invalidArgument` where key columns do not fit the spine or the group.
    public func join(
        spineTimes: Column, keys: [Column], _ lookups: [Lookup], asOf: Position, availability: Availability,
        eventTimes: Bool = false, executor: ParallelExecutor = .serial, isCancelled: @escaping @Sendable () -> Bool = { false },
        memoryLimitBytes: Int = .max
    ) throws(HeadwaterError) -> [[JoinedFeature]] {
        guard spineTimes.type == .timestamp else {
            throw HeadwaterError(.invalidArgument, "the spine's time is \(spineTimes.type), not timestamp")
        }
        var joined: [[JoinedFeature]] = []
        var heldBytes = 0
        // Groups of one entity share the order.
        var known: (keyColumns: [Column], order: KeyOrder)?
        for lookup in lookups {
            let keyColumns = lookup.keys.map { keys[$0] }
            try Self.check(lookup, keyColumns, spineCount: spineTimes.count)
            let bytesPerRow = Self.joinBytes(lookup.features.map(\.type), eventTimes: eventTimes)
            try Self.check(heldBytes + spineTimes.count * bytesPerRow, within: memoryLimitBytes)
            let filter = try filter(lookup.groupID, asOf: asOf)
            if known?.keyColumns.elementsEqual(keyColumns, by: { $0.hasSameBuffers(as: $1) }) != true {
                known = nil
                let part = KeyOrder.Part(keyColumns: keyColumns, rowCount: spineTimes.count, times: spineTimes)
                known = (keyColumns, KeyOrder([part]))
            }
            let join = SpineJoin(
                lookup: lookup, eventTimes: eventTimes, order: known!.order, spineCount: spineTimes.count, filter: filter,
                availability: availability, limits: options.blockLimits, executor: executor, isCancelled: isCancelled)
            let features = try join.run(runs(lookup.groupID))
            heldBytes += features.reduce(8 * (features.first?.eventTimes.count ?? 0)) {
                $0 + $1.column.byteCount + $1.statuses.packed.count
            }
            try Self.check(heldBytes, within: memoryLimitBytes)
            joined.append(features)
        }
        return joined
    }

    /// The most bytes, about, that a join of one group's features of these types holds for each spine row: its place in the
    /// order, its match, and its cells. Texts and arrays come on top, as their size is known only once they are read.
    public static func joinBytes(_ types: [FeatureType], eventTimes: Bool = false) -> Int {
        let orderBytes = 24 + 12 + 12
        let matchBytes = 29 + 8 + 1 + (eventTimes ? 2 * 8 : 0)
        return orderBytes + matchBytes + types.reduce(0) { $0 + ($1.fixedWidth ?? 16) + 2 }
    }

    private static func check(_ bytes: Int, within limit: Int) throws(HeadwaterError) {
        guard bytes <= limit else {
            throw HeadwaterError(
                .resourceExhausted,
                "the join may hold \(limit) bytes and needs more: send a smaller spine, or ask for fewer features")
        }
    }

    private static func check(_ lookup: Lookup, _ keyColumns: [Column], spineCount: Int) throws(HeadwaterError) {
        let given = keyColumns.map(\.type)
        let expected = lookup.schema.keys.map(\.type)
        guard given == expected else {
            throw HeadwaterError(
                .invalidArgument, "the spine's key columns \(given) are not those of group \(lookup.groupID): \(expected)")
        }
        guard keyColumns.allSatisfy({ $0.count == spineCount }) else {
            throw HeadwaterError(.invalidArgument, "the spine's columns are of different lengths")
        }
        for feature in lookup.features where feature.ordinal < lookup.schema.featureBase {
            throw HeadwaterError(.invalidArgument, "column \(feature.ordinal) is no feature of group \(lookup.groupID)")
        }
    }
}
