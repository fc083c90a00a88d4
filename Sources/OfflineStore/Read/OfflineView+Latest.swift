public import FeatureModel

/// The latest row of one key, where it lies: nothing is copied.
public struct LatestRow {
    /// The key's bytes, as `KeyCodec` writes them.
    public let key: ArraySlice<UInt8>
    public let order: RowOrder
    public let isTombstone: Bool
    /// The column of each feature of the schema, which widens to its type; `nil` where the row has none.
    public let columns: [Column?]
    /// The row's place in the columns.
    public let row: Int
}

extension OfflineView {
    /// Calls `body` with the latest row of each key, tombstones included, rows that a cutoff hides left out, in key order.
    ///
    /// - Parameters:
    ///   - group: the schema to read with.
    ///   - step: called after every few rows that are read, with the number of keys passed since; what it throws ends the walk.
    /// - Complexity: reads every row once; memory of one block a run.
    /// - Throws: as `scan`.
    public func forEachLatest(
        _ group: GroupSchema, asOf: Position, step: (Int) throws(HeadwaterError) -> Void,
        _ body: (LatestRow) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        var latest = LatestMerge(try merge(group.groupID, filter(group.groupID, asOf: asOf)))
        let features = group.features.enumerated().map { (ordinal: group.featureBase + $0.offset, type: $0.element.type) }
        while let rows = try latest.next() {
            for row in 0..<rows.count {
                let block = rows.blocks[rows.slot(row)]
                let place = Int(rows.rows[row])
                let isTombstone = block.isTombstone(place)
                let picked = isTombstone ? ([], 0) : try block.columns(features, at: place)
                try body(
                    LatestRow(
                        key: rows.keys.bytes(row), order: block.order(place), isTombstone: isTombstone, columns: picked.0,
                        row: picked.1))
            }
            try step(rows.count)
        }
    }
}

extension RowBlock {
    /// The columns of features as a packed row takes them, and where in them the row is.
    ///
    /// - Throws: `.failedPrecondition` where a cell does not fit the type it is read as.
    fileprivate func columns(
        _ features: [(ordinal: Int, type: FeatureType)], at row: Int
    ) throws(HeadwaterError) -> ([Column?], Int) {
        if let known = packedColumns { return (known, row) }
        var columns: [Column?] = []
        for feature in features { columns.append(try self.feature(feature.ordinal)) }
        if zip(columns, features).allSatisfy({ column, feature in column?.type.widens(to: feature.type) ?? true }) {
            packedColumns = columns
            return (columns, row)
        }
        // Read with the definitions of an earlier position: only this row is converted, others may not fit.
        for (index, feature) in features.enumerated() {
            guard let column = columns[index] else { continue }
            var builder = ColumnBuilder(feature.type, capacity: 1)
            if column.type == feature.type {
                builder.append(copying: column, row)
            } else {
                try builder.append(converting: column, row)
            }
            columns[index] = builder.finish()
        }
        return (columns, 0)
    }
}
