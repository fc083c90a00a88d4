public import Catalog
public import FeatureModel
public import OfflineStore
public import OnlineStore

/// The proof of promise P5: at one position, the latest row of every key is the same online and offline, tombstones included.
///
/// Each store sums the digests of its rows in hash buckets; only buckets that differ are then compared row by row. So an
/// audit moves a few kilobytes for each group, and works the same inside one process and between two.
public enum Audit {
    public static let bucketCount = 1_024

    /// Digests of every group of the catalog at the view's position.
    ///
    /// - Parameter catalog: as of the view's position.
    /// - Complexity: O(rows of the store × groups).
    public static func digests(
        _ view: OnlineSnapshotView, catalog: Catalog, bucketCount: Int, isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [GroupDigest] {
        var digests: [GroupDigest] = []
        for group in catalog.allGroups {
            var digest = GroupDigest(groupID: group.id, bucketCount: bucketCount)
            try forEachRow(view, group.newestSchema, isCancelled: isCancelled) { digest.add($0) }
            digests.append(digest)
        }
        return digests
    }

    /// Digests of every group of the catalog as of `asOf`.
    public static func digests(
        _ view: OfflineView, asOf: Position, catalog: Catalog, bucketCount: Int, isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [GroupDigest] {
        var digests: [GroupDigest] = []
        for group in catalog.allGroups {
            var digest = GroupDigest(groupID: group.id, bucketCount: bucketCount)
            try forEachRow(view, group.newestSchema, asOf: asOf, isCancelled: isCancelled) { digest.add($0) }
            digests.append(digest)
        }
        return digests
    }

    /// The rows of one bucket, online.
    public static func rows(
        _ view: OnlineSnapshotView, schema: GroupSchema, bucket: Int, bucketCount: Int, isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [AuditRow] {
        var rows: [AuditRow] = []
        try forEachRow(view, schema, isCancelled: isCancelled) { row in
            if RowDigester.bucket(row.key, of: bucketCount) == bucket { rows.append(row) }
        }
        return rows
    }

    /// The rows of some buckets, offline.
    public static func rows(
        _ view: OfflineView, schema: GroupSchema, asOf: Position, buckets: Set<Int>, bucketCount: Int, isCancelled: () -> Bool
    ) throws(HeadwaterError) -> [AuditRow] {
        var rows: [AuditRow] = []
        try forEachRow(view, schema, asOf: asOf, isCancelled: isCancelled) { row in
            if buckets.contains(RowDigester.bucket(row.key, of: bucketCount)) { rows.append(row) }
        }
        return rows
    }

    private static func forEachRow(
        _ view: OnlineSnapshotView, _ schema: GroupSchema, isCancelled: () -> Bool, _ body: (AuditRow) -> Void
    ) throws(HeadwaterError) {
        var digester = RowDigester(schema)
        try view.forEachBatch(of: schema.groupID, schema: schema) { (batch) throws(HeadwaterError) in
            if isCancelled() { throw HeadwaterError(.cancelled, "the audit was cancelled") }
            for row in 0..<batch.rowCount {
                let digest = digester.digest(
                    key: batch.keyBytes[row], order: batch.orders[row], isTombstone: batch.tombstones[row],
                    features: batch.features, row: row)
                body(
                    AuditRow(
                        key: batch.keyBytes[row], order: batch.orders[row], isTombstone: batch.tombstones[row], digest: digest))
            }
        }
    }

    private static func forEachRow(
        _ view: OfflineView, _ schema: GroupSchema, asOf: Position, isCancelled: () -> Bool, _ body: (AuditRow) -> Void
    ) throws(HeadwaterError) {
        var digester = RowDigester(schema)
        var scan = try view.latest(schema, asOf: asOf)
        while let batch = try scan.next() {
            if isCancelled() { throw HeadwaterError(.cancelled, "the audit was cancelled") }
            for row in 0..<batch.rowCount {
                var key: [UInt8] = []
                _ = KeyCodec.append(batch.keys, row: row, to: &key)
                let order = RowOrder(
                    eventTime: batch.eventTime.int64(row), position: Position(bitPattern: batch.position.int64(row)),
                    row: UInt32(truncatingIfNeeded: batch.row.int64(row)))
                let isTombstone = batch.isDelete.bool(row)
                let digest = digester.digest(
                    key: key[...], order: order, isTombstone: isTombstone, features: batch.features, row: row)
                body(AuditRow(key: key[...], order: order, isTombstone: isTombstone, digest: digest))
            }
        }
    }
}
