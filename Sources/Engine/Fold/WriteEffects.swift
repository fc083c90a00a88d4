import FeatureModel

/// Rows of a write that were taken and are not served, counted. They are worked out once the record is applied, from what either
/// store holds then, so that the online engine, its replay and the offline engine count the same.
public struct WriteEffects: Hashable, Sendable {
    /// Rows of deletes whose key has a newer row, by rising number, counted through the record.
    public var newerRows: [UInt32] = []
    /// Rows below the cutoff in force.
    public var belowCutoff: UInt32 = 0
    /// Written rows, not below the cutoff, whose key's latest row is a tombstone.
    public var behindTombstone: UInt32 = 0

    public init(newerRows: [UInt32] = [], belowCutoff: UInt32 = 0, behindTombstone: UInt32 = 0) {
        self.newerRows = newerRows
        self.belowCutoff = belowCutoff
        self.behindTombstone = behindTombstone
    }
}

/// What must be looked up in a store for a record's effects to be known, and what is known of them without.
struct EffectsQuestion {
    /// Keys of which it is asked whether they have a row that is served.
    struct Keys {
        let schema: GroupSchema
        let columns: [Column]
        let rowCount: Int
        /// The record's number of the first row, where they are of a delete; `nil` where they are of written rows.
        let firstDeleted: Int?
    }

    /// What is known without a look-up.
    private(set) var known = WriteEffects()
    private(set) var keys: [Keys] = []

    /// Nothing is asked.
    init() {}

    /// - Parameters:
    ///   - record: one that a store has just applied.
    ///   - tombstones: the greatest event time of any delete of each group, this
    ///     record's counted: where all rows are newer, no key is looked up.
    ///   - cutoff: the group's, in force at the record; `nil` for none.
    init(_ record: AppliedRecord, tombstones: NewestTombstones, cutoff: (GroupID) -> Microseconds?) {
        // Nothing is known of the group that could hide a row: what is usual for a stream.
        if case .row(let row) = record.change, cutoff(row.schema.groupID) == nil, tombstones.newest(row.schema, in: record) == nil
        {
            return
        }
        for entry in record.entries {
            let cutoff = cutoff(entry.schema.groupID)
            let newest = entry.operation == .write ? tombstones.newest(entry.schema, in: record) : nil
            let times = cutoff == nil && newest == nil ? [] : entry.eventTimes(ingestTime: record.ingestTime)
            if let cutoff { known.belowCutoff += UInt32(times.count { $0 < cutoff }) }
            if entry.operation == .delete {
                let rowCount = entry.batch.rowCount
                keys.append(
                    Keys(schema: entry.schema, columns: entry.keyColumns, rowCount: rowCount, firstDeleted: entry.firstRow))
            } else if let newest {
                let rows = times.indices.filter { times[$0] <= newest && times[$0] >= cutoff ?? .min }
                if rows.isEmpty { continue }
                let columns = rows.count == times.count ? entry.keyColumns : entry.keyColumns.map { $0.gather(rows) }
                keys.append(Keys(schema: entry.schema, columns: columns, rowCount: rows.count, firstDeleted: nil))
            }
        }
    }

    /// The effects.
    ///
    /// - Parameter exists: for each of some keys of a group, given as columns, whether it has a row that is served.
    func effects(
        exists: (GroupSchema, [Column], Int) throws(HeadwaterError) -> [Bool]
    ) throws(HeadwaterError) -> WriteEffects {
        var effects = known
        for asked in keys {
            let found = try exists(asked.schema, asked.columns, asked.rowCount)
            if let first = asked.firstDeleted {
                for row in found.indices where found[row] { effects.newerRows.append(UInt32(first + row)) }
            } else {
                effects.behindTombstone += UInt32(found.count { !$0 })
            }
        }
        return effects
    }
}
