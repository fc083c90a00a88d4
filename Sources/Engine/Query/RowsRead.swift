public import Catalog
public import FeatureModel
public import OfflineStore

/// The rows of one group, as they are pulled. Belongs to one thread at a time.
public final class RowsRead {
    public let outputs: [Field]
    /// The history as of here.
    public let position: Position
    private let layout: RowsLayout
    private var scan: RowScan

    /// - Parameters:
    ///   - project: the group's.
    ///   - catalog: the newest one.
    ///   - bytesAtOnce: about what a batch may take; `nil`: what is quickest.
    /// - Throws: `.notFound` and `.invalidArgument` for names, `.outOfRange` where the position is not kept.
    public init(
        _ query: RowsQuery, project: String, catalog: Catalog, view: OfflineView, executor: ParallelExecutor,
        bytesAtOnce: Int? = nil
    ) throws(HeadwaterError) {
        position = query.asOf ?? view.position
        let group = try catalog.asOf(position).group(project: project, reference: query.group)
        let schema = group.newestSchema
        try view.checkKept(schema.groupID, named: query.group, asOf: position)
        let ordinals = try OfflineReads.ordinals(of: query.columns, in: group)
        let keys = try query.keys.map { (keys) throws(HeadwaterError) in
            KeySet(try OnlineReads.arrange(keys, keys: schema.keys))
        }
        layout = try RowsLayout(
            schema: schema, ordinals: ordinals, deletes: query.deletes, brief: query.brief, isLatest: query.isLatest)
        outputs = layout.outputs
        scan =
            query.isLatest
            ? try view.latest(
                schema, columns: ordinals, at: query.at, keys: keys, asOf: position, fields: layout.fields, executor: executor)
            : try view.scan(
                schema, columns: ordinals, start: query.start, end: query.end, keys: keys, asOf: position,
                includeDeletes: query.deletes, fields: layout.fields, executor: executor)
        if let bytesAtOnce { scan.bytesAtOnce = bytesAtOnce }
    }

    /// The next rows, a column for each output; `nil` at the end.
    ///
    /// - Throws: `.cancelled`, `.dataLoss`.
    public func next(
        isCancelled: () -> Bool
    ) throws(HeadwaterError) -> (columns: [Column], rowCount: Int)? {
        guard let batch = try scan.next(isCancelled: isCancelled) else { return nil }
        return layout.columns(batch)
    }
}
