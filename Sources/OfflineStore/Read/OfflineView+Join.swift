public import FeatureModel

extension OfflineView {
    /// The point-in-time join: for each spine row and group, the features of the row that held at the spine's time.
    ///
    /// For a spine row (key, t) that is the greatest row by (event_time, position, row) with `event_time <= t`; with availability
    /// `.ingest` the greatest of those that were known at t, tombstones too. A tombstone there, no row at all, a null key or a
    /// null t is NOT_FOUND. With a max_age, a row with `event_time < t - max_age` is OUTSIDE_MAX_AGE. Rows after `asOf`, and
    /// rows that
    /// retention hides at `asOf`, are as if absent. Rows of a static group match at any t.
    ///
    /// **How.** For each group the spine's row numbers are sorted by (key bytes, t); the group's sorted runs are merged and
    /// walked once, passing over blocks between the spine's keys by the chunks' directories; matched cells are copied column
    /// by column
    /// in sorted order and then scattered back to the spine's order.
    ///
    /// - Parameters:
    ///   - spineTimes: a timestamp column; its length is the spine's.
    ///   - asOf: the last position that counts.
    ///   - isCancelled: asked once every few thousand spine rows or 65,536 rows of history.
    ///   - memoryLimitBytes: for the spine's order, the matched cells and the answer together.
    /// - Returns: by group, then by feature, in the order asked for; every column as long as the spine.
    /// - Complexity: for each group, n spine rows, m rows of history with keys in the spine and k runs: O(n log n) to sort,
    ///   O(m k) to merge,
    ///   O(n features) to copy; every block that holds a spine key is decoded once, of feature columns only those asked for
    ///   and matched.
    ///   Memory: the answer twice, about 60 bytes a spine row, one block a run and at most 64 matched blocks.
    /// - Throws: `.outOfRange` for an `asOf` that is not there, `.resourceExhausted` over the limit, `.cancelled`, `.dataLoss`,
    ///   `.invalidArgument` where key columns do not fit the spine or the group.
    public func join(
        spineTimes: Column, groups: [JoinGroup], asOf: Position, availability: Availability,
        isCancelled: () -> Bool = { false }, memoryLimitBytes: Int = .max
    ) throws(HeadwaterError) -> [[JoinedFeature]] {
        guard spineTimes.type == .timestamp else {
            throw HeadwaterError(.invalidArgument, "the spine's time is \(spineTimes.type), not timestamp")
        }
        var joined: [[JoinedFeature]] = []
        var heldBytes = 0
        for group in groups {
            try Self.check(group, spineCount: spineTimes.count)
            let filter = try filter(group.schema.groupID, asOf: asOf)
            let order = SpineOrder(keyColumns: group.keyColumns, times: spineTimes)
            var join = GroupJoin(
                group: group, order: order, times: spineTimes, availability: availability,
                memoryLimitBytes: memoryLimitBytes - heldBytes)
            var merge = try merge(group.schema.groupID, filter)
            let features = try join.run(&merge, isCancelled: isCancelled)
            heldBytes += features.reduce(0) { $0 + $1.column.byteCount + $1.statuses.packed.count }
            joined.append(features)
        }
        return joined
    }

    private static func check(_ group: JoinGroup, spineCount: Int) throws(HeadwaterError) {
        let given = group.keyColumns.map(\.type)
        let expected = group.schema.keys.map(\.type)
        guard given == expected else {
            throw HeadwaterError(
                .invalidArgument, "the spine's key columns \(given) are not those of group \(group.schema.groupID): \(expected)")
        }
        guard group.keyColumns.allSatisfy({ $0.count == spineCount }) else {
            throw HeadwaterError(.invalidArgument, "the spine's columns are of different lengths")
        }
        for feature in group.features where feature.ordinal < group.schema.featureBase {
            throw HeadwaterError(.invalidArgument, "column \(feature.ordinal) is no feature of group \(group.schema.groupID)")
        }
    }
}
