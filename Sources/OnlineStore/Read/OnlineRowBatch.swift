public import FeatureModel

/// Latest rows of one group in columns.
public struct OnlineRowBatch: Sendable {
    /// The schema version whose types the columns have.
    public let schema: GroupSchema
    public let rowCount: Int
    public let orders: [RowOrder]
    public let tombstones: [Bool]
    /// Key bytes of each row, as `KeyCodec` writes them.
    public let keyBytes: [ArraySlice<UInt8>]
    public let keys: [Column]
    /// A column for each feature of `schema`. Its cells are null in
    /// tombstones, and where a row's schema version has no such feature.
    public let features: [Column]
}

extension OnlineReadView {
    /// Calls `body` with the latest rows of a group in columns, at most `rowsMax` at a time, in hash order.
    ///
    /// - Parameter schema: the version to read rows as, at least as new as every row's; without it the newest of them.
    /// - Complexity: O(n log n) in rows of the store.
    /// - Throws: what `body` throws, `.dataLoss` where the snapshot is damaged.
    public func forEachBatch(
        of groupID: GroupID, schema: GroupSchema? = nil, rowsMax: Int = 4_096,
        _ body: (OnlineRowBatch) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        precondition(rowsMax > 0)
        guard let group = maps.groups[groupID], let schema = schema ?? group.newest else { return }
        let features = try allFeatures(of: schema)
        var rows: [OnlineRow] = []
        try forEachRow(of: groupID) { row throws(HeadwaterError) in
            rows.append(row)
            if rows.count == rowsMax {
                try body(Self.batch(rows, schema, features))
                rows.removeAll(keepingCapacity: true)
            }
        }
        if !rows.isEmpty { try body(Self.batch(rows, schema, features)) }
    }

    /// Rows of one group in columns, as `schema` has them.
    ///
    /// - Throws: `.dataLoss` where a row does not fit its schema version.
    public func batch(_ rows: [OnlineRow], as schema: GroupSchema) throws(HeadwaterError) -> OnlineRowBatch {
        let features = try allFeatures(of: schema)
        return try Self.batch(rows, schema, features)
    }

    /// How to read all features of a schema from rows of any version of its group.
    private func allFeatures(of schema: GroupSchema) throws(HeadwaterError) -> CompiledLookup {
        let features = schema.features.enumerated().map {
            Lookup.Feature(ordinal: schema.featureBase + $0.offset, type: $0.element.type)
        }
        let lookup = Lookup(schema: schema, keys: [], features: features)
        return try CompiledLookup(lookup, maps.groups[schema.groupID], GroupCounters())
    }

    private static func batch(
        _ rows: [OnlineRow], _ schema: GroupSchema, _ features: CompiledLookup
    ) throws(HeadwaterError) -> OnlineRowBatch {
        var keys = schema.keys.map { ColumnBuilder($0.type, capacity: rows.count) }
        var columns = schema.features.map { ColumnBuilder($0.type, capacity: rows.count) }
        for row in rows {
            try KeyCodec.decode(row.key, into: &keys)
            if row.isTombstone {
                for index in columns.indices { columns[index].appendNull() }
            } else {
                row.record.appendFeatures(try features.readable(row.record.header), to: &columns)
            }
        }
        return OnlineRowBatch(
            schema: schema, rowCount: rows.count, orders: rows.map(\.order),
            tombstones: rows.map(\.isTombstone), keyBytes: rows.map(\.key), keys: keys.map { $0.finish() },
            features: columns.map { $0.finish() })
    }
}
