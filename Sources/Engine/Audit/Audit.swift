public import Catalog
public import FeatureModel
public import OfflineStore
public import OnlineStore

/// The proof of promise P5: at one position, the latest row of every key is the same online and offline, tombstones included.
///
/// Each store sums the hashes of its rows in buckets; buckets that differ are cut finer, and the rows of few enough are compared
/// one by one (`AuditNarrowing`). So an audit moves kilobytes where the stores agree, holds no more than a bounded number of rows
/// where they do not, and works the same inside one process and between two. Both walks stream: the online one in the order of
/// the store's hashes, the offline one in the order of keys, merging chunks and memory a block at a time.
public enum Audit {
    /// Rows between two calls of a walk's `progress`.
    static let stepRows = 4_096

    /// Digests of every group of the catalog, or of one, at the view's position.
    ///
    /// - Parameters:
    ///   - catalog: as of the view's position.
    ///   - progress: told how many more rows were walked over; what it throws ends the walk.
    /// - Complexity: O(n log n) in rows of the store, in one walk; memory of the digests and one stripe.
    public static func digests(
        _ view: OnlineReadView, catalog: Catalog, scope: AuditScope, group: GroupID? = nil,
        progress: (Int) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> [GroupDigest] {
        var digests = try empty(catalog, scope, group)
        let places = Dictionary(uniqueKeysWithValues: digests.enumerated().map { ($0.element.groupID, $0.offset) })
        try forEachRow(view, catalog, scope, group, progress) { groupID, bucket, row in
            if let place = places[groupID] { digests[place].add(row.hash, to: bucket) }
        }
        return digests
    }

    /// Digests of every group of the catalog, or of one, as of `asOf`.
    public static func digests(
        _ view: OfflineView, asOf: Position, catalog: Catalog, scope: AuditScope, group: GroupID? = nil,
        progress: (Int) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> [GroupDigest] {
        var digests = try empty(catalog, scope, group)
        for index in digests.indices {
            guard let schema = catalog.newestSchema(digests[index].groupID) else { continue }
            try forEachRow(view, schema, asOf: asOf, scope, progress) { bucket, row in digests[index].add(row.hash, to: bucket) }
        }
        return digests
    }

    /// The rows of one group within a scope, online.
    ///
    /// - Complexity: as `digests`; memory of the rows.
    public static func rows(
        _ view: OnlineReadView, catalog: Catalog, scope: AuditScope, group: GroupID,
        progress: (Int) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> [AuditRow] {
        var rows: [AuditRow] = []
        try forEachRow(view, catalog, scope, group, progress) { (_, _, row) throws(HeadwaterError) in
            try append(row, to: &rows, scope)
        }
        return rows
    }

    /// The rows of one group within a scope, offline.
    public static func rows(
        _ view: OfflineView, asOf: Position, catalog: Catalog, scope: AuditScope, group: GroupID,
        progress: (Int) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> [AuditRow] {
        var rows: [AuditRow] = []
        guard let schema = catalog.newestSchema(group) else { return rows }
        try forEachRow(view, schema, asOf: asOf, scope, progress) { (_, row) throws(HeadwaterError) in
            try append(row, to: &rows, scope)
        }
        return rows
    }

    /// Rows that one part may bring, whoever asks for it: more than an audit that narrows down ever does.
    static let rowsMax = 4 * AuditNarrowing.rowsMax

    static func append(_ row: AuditRow, to rows: inout [AuditRow], _ scope: AuditScope) throws(HeadwaterError) {
        guard rows.count < rowsMax || scope.isFinest else {
            throw HeadwaterError(.resourceExhausted, "the part has more than \(rowsMax) rows: cut it finer")
        }
        rows.append(row)
    }

    private static func empty(
        _ catalog: Catalog, _ scope: AuditScope, _ group: GroupID?
    ) throws(HeadwaterError) -> [GroupDigest] {
        let groups = catalog.allGroups.filter { group == nil || $0.id == group }
        // A first look is as coarse as this however many groups there are.
        guard scope.bucketCount <= 1 << AuditNarrowing.firstSplitBits || groups.count * scope.bucketCount <= bucketsMax else {
            throw HeadwaterError(
                .resourceExhausted, "\(scope.bucketCount) buckets of \(groups.count) groups are too many: ask for one group")
        }
        return groups.map { GroupDigest(groupID: $0.id, bucketCount: scope.bucketCount) }
    }

    /// Buckets of all groups of one answer, unless each has few.
    private static let bucketsMax = 16 * AuditScope.bucketsMax
}

// MARK: The two walks

extension Audit {
    /// The state of the online walk for one group. Rows of an older schema and rows with arrays are packed anew, many at once.
    private struct OnlineGroup {
        var hasher: RowHasher
        let packedIsCanonical: Bool
        var older: [OnlineRow] = []

        init(_ schema: GroupSchema, _ seed: UInt64) {
            hasher = RowHasher(schema, seed: seed)
            packedIsCanonical = hasher.packedIsCanonical
        }
    }

    private static func forEachRow(
        _ view: OnlineReadView, _ catalog: Catalog, _ scope: AuditScope, _ only: GroupID?,
        _ progress: (Int) throws(HeadwaterError) -> Void, _ body: (GroupID, Int, AuditRow) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        var groups: [GroupID: OnlineGroup] = [:]
        for group in catalog.allGroups where only == nil || group.id == only {
            groups[group.id] = OnlineGroup(group.newestSchema, scope.seed)
        }
        var walked = 0
        try view.forEachRow(of: only) { row throws(HeadwaterError) in
            walked += 1
            if walked % stepRows == 0 { try progress(stepRows) }
            guard let index = groups.index(forKey: row.groupID) else { return }
            let key = groups.values[index].hasher.key(row.key)
            guard let bucket = scope.bucket(key.value) else { return }
            let isNewest = row.schemaVersion == groups.values[index].hasher.schema.schemaVersion
            if row.isTombstone || isNewest && groups.values[index].packedIsCanonical {
                let hash = groups.values[index].hasher.row(key, row.order, isTombstone: row.isTombstone, packed: row.packed)
                let row = AuditRow(key: row.key, order: row.order, isTombstone: row.isTombstone, hash: hash)
                try body(groups.keys[index], bucket, row)
            } else {
                groups.values[index].older.append(row)
                if groups.values[index].older.count >= stepRows { try repack(view, &groups.values[index], scope, body) }
            }
        }
        for index in groups.values.indices { try repack(view, &groups.values[index], scope, body) }
        try progress(walked % stepRows)
    }

    private static func repack(
        _ view: OnlineReadView, _ group: inout OnlineGroup, _ scope: AuditScope,
        _ body: (GroupID, Int, AuditRow) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        guard !group.older.isEmpty else { return }
        let batch = try view.batch(group.older, as: group.hasher.schema)
        for (number, row) in group.older.enumerated() {
            let key = group.hasher.key(row.key)
            let hash = group.hasher.row(key, row.order, isTombstone: false, features: batch.features, row: number)
            guard let bucket = scope.bucket(key.value) else { continue }
            try body(row.groupID, bucket, AuditRow(key: row.key, order: row.order, isTombstone: false, hash: hash))
        }
        group.older.removeAll(keepingCapacity: true)
    }

    private static func forEachRow(
        _ view: OfflineView, _ schema: GroupSchema, asOf: Position, _ scope: AuditScope,
        _ progress: (Int) throws(HeadwaterError) -> Void, _ body: (Int, AuditRow) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        var hasher = RowHasher(schema, seed: scope.seed)
        try view.forEachLatest(schema, asOf: asOf, step: progress) { row throws(HeadwaterError) in
            let key = hasher.key(row.key)
            guard let bucket = scope.bucket(key.value) else { return }
            let hash = hasher.row(key, row.order, isTombstone: row.isTombstone, features: row.columns, row: row.row)
            try body(bucket, AuditRow(key: row.key, order: row.order, isTombstone: row.isTombstone, hash: hash))
        }
    }
}
