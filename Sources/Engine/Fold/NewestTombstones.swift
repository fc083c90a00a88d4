import FeatureModel

/// The greatest event time of any delete of each group: part of the fold of the log. A row that is newer is behind no tombstone.
struct NewestTombstones: Equatable, Sendable {
    private(set) var times: [GroupID: Microseconds] = [:]
    /// Whether the state was kept by a version that did not keep these
    /// times: its deletes may have any time up to the first record after it.
    var isFromBefore = false

    /// - Parameter ahead: how far ahead of the clock a delete of each group
    ///   may have been; asked only for the first record behind an older state.
    mutating func note(_ record: AppliedRecord, ahead: @autoclosure () -> [GroupID: Microseconds]) {
        if isFromBefore {
            for (group, ahead) in ahead() {
                let (sum, overflow) = record.ingestTime.addingReportingOverflow(ahead)
                raise(group, to: overflow ? .max : sum)
            }
            isFromBefore = false
        }
        guard case .rows(let entries) = record.change else { return }
        for entry in entries where entry.operation == .delete && entry.schema.eventTimeOrdinal != nil {
            guard let newest = entry.eventTimes(ingestTime: record.ingestTime).max() else { continue }
            raise(entry.schema.groupID, to: newest)
        }
    }

    init() {}

    /// Reads what `encode` wrote.
    init(_ reader: inout ByteReader) throws(HeadwaterError) {
        for _ in 0..<(try reader.integer(UInt32.self)) { raise(try reader.integer(), to: try reader.integer()) }
    }

    /// {count u32, of each group (id u32, time i64), by rising id}.
    func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(times.count))
        for (group, time) in times.sorted(by: { $0.key < $1.key }) {
            bytes.append(littleEndian: group)
            bytes.append(littleEndian: time)
        }
        return bytes
    }

    private mutating func raise(_ group: GroupID, to time: Microseconds) { times[group] = max(times[group] ?? .min, time) }

    /// - Returns: `nil` where no row of the record can be behind a tombstone. In a static
    ///   table, where the later one wins, only a delete in the same record can be newer.
    func newest(_ schema: GroupSchema, in record: AppliedRecord) -> Microseconds? {
        guard schema.eventTimeOrdinal == nil else { return times[schema.groupID] }
        guard case .rows(let entries) = record.change else { return nil }
        let hasDelete = entries.contains { $0.operation == .delete && $0.schema.groupID == schema.groupID }
        return hasDelete ? EventTime.always : nil
    }
}
