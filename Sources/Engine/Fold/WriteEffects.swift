import FeatureModel

/// What rows of a write met that are taken and yet not served: worked out once the record is applied, from what either store holds then,
/// so that the online engine, its replay and the offline engine tell the same.
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

    /// - Parameters:
    ///   - record: one that a store has just applied.
    ///   - tombstones: the greatest event time of any delete of each group, this record's counted: where all rows are newer, no key is looked up.
    ///   - cutoff: the group's, in force at the record; `nil` for none.
    ///   - exists: for each of some keys of a group, given as columns, whether it has a row that is served.
    init(
        _ record: AppliedRecord, tombstones: NewestTombstones, cutoff: (GroupID) -> Microseconds?,
        exists: (GroupSchema, [Column], Int) throws(HeadwaterError) -> [Bool]
    ) throws(HeadwaterError) {
        self.init()
        for entry in record.entries {
            let cutoff = cutoff(entry.schema.groupID)
            let newest = entry.operation == .write ? tombstones.newest(entry.schema, in: record) : nil
            let times = cutoff == nil && newest == nil ? [] : entry.eventTimes(ingestTime: record.ingestTime)
            if let cutoff { belowCutoff += UInt32(times.count { $0 < cutoff }) }
            if entry.operation == .delete {
                let found = try exists(entry.schema, entry.keyColumns, entry.batch.rowCount)
                for row in found.indices where found[row] { newerRows.append(UInt32(entry.firstRow + row)) }
            } else if let newest {
                let rows = times.indices.filter { times[$0] <= newest && times[$0] >= cutoff ?? .min }
                if rows.isEmpty { continue }
                let keys = rows.count == times.count ? entry.keyColumns : entry.keyColumns.map { $0.gather(rows) }
                behindTombstone += UInt32(try exists(entry.schema, keys, rows.count).count { !$0 })
            }
        }
    }
}

/// The greatest event time of any delete of each group: part of the fold of the log. A row that is newer is behind no tombstone.
struct NewestTombstones: Equatable, Sendable {
    private(set) var times: [GroupID: Microseconds] = [:]
    /// Of a state that was kept before these were: deletes of then may be of any time up to the first record after it.
    var isFromBefore = false

    /// - Parameter ahead: how far ahead of the clock a delete of each group may have been; asked only for the first record behind an older state.
    mutating func note(_ record: AppliedRecord, ahead: @autoclosure () -> [GroupID: Microseconds]) {
        if isFromBefore {
            for (group, ahead) in ahead() {
                let (sum, overflow) = record.ingestTime.addingReportingOverflow(ahead)
                raise(group, to: overflow ? .max : sum)
            }
            isFromBefore = false
        }
        for entry in record.entries where entry.operation == .delete && entry.schema.eventTimeOrdinal != nil {
            guard let newest = entry.eventTimes(ingestTime: record.ingestTime).max() else { continue }
            raise(entry.schema.groupID, to: newest)
        }
    }

    /// The part of an engine state: count u32, of each group (id u32, time i64), by rising id.
    func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(times.count))
        for (group, time) in times.sorted(by: { $0.key < $1.key }) {
            bytes.append(littleEndian: group)
            bytes.append(littleEndian: time)
        }
        return bytes
    }

    mutating func raise(_ group: GroupID, to time: Microseconds) { times[group] = max(times[group] ?? .min, time) }

    /// - Returns: `nil` where no row of the record can be behind a tombstone. In a static table, where the later one wins, only a delete
    ///   in the same record can be newer.
    func newest(_ schema: GroupSchema, in record: AppliedRecord) -> Microseconds? {
        guard schema.eventTimeOrdinal == nil else { return times[schema.groupID] }
        let hasDelete = record.entries.contains { $0.operation == .delete && $0.schema.groupID == schema.groupID }
        return hasDelete ? EventTime.always : nil
    }
}
