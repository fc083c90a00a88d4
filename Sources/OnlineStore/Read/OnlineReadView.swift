public import FeatureModel

/// The whole store at one position, as long as this object lives; applying goes on beside it.
///
/// May be used from any thread. Rows superseded meanwhile are kept for it, so it should not live longer than it is needed.
public final class OnlineReadView: Sendable {
    public let position: Position
    /// The greatest ingest time up to `position`.
    public let ingestTimeHighWater: Microseconds
    let maps: MapSet
    /// The store that keeps versions for this view; `nil` where the view's maps do not change.
    private let store: OnlineStore?

    init(_ maps: MapSet, position: Position, ingestTimeHighWater: Microseconds, pinnedIn store: OnlineStore?) {
        self.maps = maps
        self.position = position
        self.ingestTimeHighWater = ingestTimeHighWater
        self.store = store
    }

    /// The same rows under another position; only a sabotaged build asks for it.
    func claiming(_ position: Position) -> OnlineReadView {
        OnlineReadView(maps, position: position, ingestTimeHighWater: ingestTimeHighWater, pinnedIn: nil)
    }

    deinit { store?.unpin(position) }

    /// Every schema version of a group that a row may be of, oldest first.
    public func schemas(of groupID: GroupID) -> [GroupSchema] {
        maps.groups[groupID]?.schemas ?? []
    }

    /// Groups that ever had a record, in order of their ids.
    public var groupIDs: [GroupID] { maps.groups.keys.sorted() }

    /// Rows of the group older than this are hidden; `nil` where there is no cutoff.
    public func cutoff(of groupID: GroupID) -> Microseconds? {
        maps.groups[groupID].flatMap { $0.cutoff == .min ? nil : $0.cutoff }
    }

    /// An upper bound of the row count.
    var rowsMax: Int {
        ([maps.live] + maps.frozen).reduce(maps.mapped?.footer.rows ?? 0) { $0 + $1.rowCount }
    }

    /// Calls `body` with the latest row of each key in hash order, tombstones included, rows that a cutoff hides left out.
    ///
    /// - Complexity: O(n log n) in rows; memory holds one stripe at a time.
    /// - Throws: what `body` throws, and `.dataLoss` where the snapshot is damaged.
    func forEachRecord(_ body: (RowBuffer) throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        var merge = try RowMerge(maps, at: position)
        var row = RowBuffer()
        while try merge.next(into: &row) {
            let header = row.header
            if header.order.eventTime >= maps.groups[header.groupID]?.cutoff ?? .min { try body(row) }
        }
    }

    /// Calls `body` with the latest row of each key, tombstones included, rows that a cutoff hides left out, in hash order.
    ///
    /// - Parameter groupID: only rows of this group; `nil` for all. One pass over the store either way.
    /// - Complexity: O(n log n) in rows of the store.
    /// - Throws: what `body` throws, and `.dataLoss` where the snapshot is damaged.
    public func forEachRow(
        of groupID: GroupID? = nil, _ body: (OnlineRow) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        try forEachRecord { row throws(HeadwaterError) in
            if groupID == nil || row.header.groupID == groupID { try body(OnlineRow(row)) }
        }
    }

    /// Rows, tombstones and bytes of each group, exactly; groups without a row are left out.
    ///
    /// - Complexity: O(n log n) in rows of the store.
    public func statistics() throws(HeadwaterError) -> [GroupID: GroupStatistics] {
        var counted: [GroupID: GroupStatistics] = [:]
        try forEachRecord { row in
            let header = row.header
            counted[header.groupID, default: GroupStatistics()].add(header)
        }
        return counted
    }
}

extension OnlineStore {
    /// The whole store at its applied position, without freezing anything: what an audit walks over.
    public func view() -> OnlineReadView {
        let (maps, position, ingestTimeHighWater) = pin()
        return OnlineReadView(maps, position: position, ingestTimeHighWater: ingestTimeHighWater, pinnedIn: self)
    }
}

/// The latest row of one key.
public struct OnlineRow: Sendable {
    let record: RowBuffer

    public let groupID: GroupID
    public let order: RowOrder
    public let isTombstone: Bool
    public let schemaVersion: UInt32

    init(_ record: RowBuffer) {
        self.record = record
        let header = record.header
        groupID = header.groupID
        order = header.order
        isTombstone = header.isTombstone
        schemaVersion = header.schemaVersion
    }

    /// The key as `KeyCodec` writes it.
    public var key: ArraySlice<UInt8> { record.bytes[record.keyRange] }

    /// The features packed by the layout of `schemaVersion`; empty in a tombstone.
    public var packed: ArraySlice<UInt8> { record.bytes[record.packedRange] }
}
