public import FeatureModel

extension OfflineView {
    /// All visible rows of a group in order, a block at a time.
    ///
    /// - Parameters:
    ///   - group: the schema to read with; features that old rows lack are null, widened ones are read as their type in it.
    ///   - columns: ordinals of the features to give; `nil` for all.
    ///   - start: least event time; of no effect in a static table, as is `end`.
    ///   - end: event times stop before it.
    ///   - includeDeletes: whether tombstones are given too.
    /// - Complexity: memory of one block a run and one batch.
    /// - Throws: `.outOfRange` for an `asOf` that is not there, `.invalidArgument` for an ordinal that is no feature,
    ///   `.dataLoss` for a
    ///   damaged chunk.
    public func scan(
        _ group: GroupSchema, columns: [Int]? = nil, start: Microseconds? = nil, end: Microseconds? = nil, asOf: Position,
        includeDeletes: Bool = false
    ) throws(HeadwaterError) -> RowScan {
        var filter = try filter(group.groupID, asOf: asOf)
        var isEmpty = false
        if !group.isStatic {
            filter.eventTimeLeast = max(filter.eventTimeLeast, start ?? .min)
            if let end {
                isEmpty = end == .min
                filter.eventTimeGreatest = isEmpty ? .min : end - 1
            }
        }
        return RowScan(
            merge: try isEmpty ? RunMerge([], filter: filter, limits: options.blockLimits) : merge(group.groupID, filter),
            builder: try RowBatchBuilder(group, columns: columns), selection: includeDeletes ? .all : .written, options: options)
    }

    /// The greatest row of each key with an event time up to `time`, tombstones included (`isDelete`).
    ///
    /// - Parameter time: `nil` for the latest of all.
    /// - Complexity: reads every row once; memory of one block a run and one batch.
    /// - Throws: as `scan`.
    public func latest(
        _ group: GroupSchema, columns: [Int]? = nil, at time: Microseconds? = nil, asOf: Position
    ) throws(HeadwaterError) -> RowScan {
        var filter = try filter(group.groupID, asOf: asOf)
        if let time { filter.eventTimeGreatest = time }
        return RowScan(
            merge: try merge(group.groupID, filter), builder: try RowBatchBuilder(group, columns: columns), selection: .latest,
            options: options)
    }
}

/// Gives rows batch by batch, on demand. Belongs to one thread at a time.
public struct RowScan {
    enum Selection { case all, written, latest }

    private var merge: RunMerge
    private let builder: RowBatchBuilder
    private let selection: Selection
    private let options: OfflineOptions
    private var hasKey: Bool?

    init(merge: RunMerge, builder: RowBatchBuilder, selection: Selection, options: OfflineOptions) {
        self.merge = merge
        self.builder = builder
        self.selection = selection
        self.options = options
    }

    /// The next rows; `nil` at the end. Batches are never empty.
    ///
    /// - Throws: `.dataLoss` for a damaged chunk; the scan is then of no more use.
    public mutating func next() throws(HeadwaterError) -> RowBatch? {
        var rows = RowGather()
        defer { rows.removeAll() }
        var hasKey = if let known = self.hasKey { known } else { try merge.nextKey() }
        if hasKey, selection != .latest, let piece = try merge.takeBlock(withoutTombstones: selection == .written) {
            self.hasKey = try merge.nextKey()
            return try builder.batch(piece.block, piece.rows)
        }
        while hasKey, rows.count < options.blockRowsMax, rows.byteCount < options.blockBytesMax {
            let block = merge.block
            let row = merge.row
            let key = merge.key
            try merge.nextRow()
            let isPicked =
                switch selection {
                case .all: true
                case .written: !block.isTombstone(row)
                case .latest: !merge.hasRow
                }
            if isPicked { rows.append(block, row, key: key) }
            if !merge.hasRow { hasKey = try merge.nextKey() }
        }
        self.hasKey = hasKey
        return rows.isEmpty ? nil : try builder.batch(rows)
    }
}
