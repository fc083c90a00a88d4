public import FeatureModel
internal import Synchronization

extension OnlineStore {
    /// Bounds the memory of rows that are packed and not yet in the map, in rows and in bytes.
    private static let rowsPackedAtOnce = 1_024
    private static let bytesPackedAtOnce = 4 << 20
    private static let rowsLoadedAhead = 32
    /// About a tenth of a millisecond.
    static let rowsBetweenPauses = 64

    /// Applies one record and makes it visible as a whole. A record at or before the applied position changes nothing.
    ///
    /// Called in position order by one thread. Never refuses: what can be refused was refused before it was logged.
    /// - Complexity: O(cells), amortised.
    public func apply(_ record: AppliedRecord) {
        applying.withLock { buffer in
            guard record.position > appliedPosition else { return }
            let tables = state.withLock { $0.tables }
            var groups = tables.groups
            var groupsChanged = false
            if let cutoff = record.cutoff {
                groups[cutoff.groupID, default: GroupState()].raise(cutoff: cutoff.cutoff)
                groupsChanged = true
            }
            for removal in record.removals where !Sabotage.removedRowsStay.isPlanted {
                groups[removal.groupID, default: GroupState()].raise(cutoff: GroupRemoval.cutoff)
                groupsChanged = true
            }
            for entry in record.entries where groups[entry.schema.groupID]?.holds(entry.schema) != true {
                if groups[entry.schema.groupID, default: GroupState()].add(entry.schema) { groupsChanged = true }
            }
            let pause = betweenRows
            for entry in record.entries {
                apply(entry, of: record, to: tables.live, groups[entry.schema.groupID]!, &buffer, pause)
            }
            publish(record.position, ingestTime: record.ingestTime, groups: groupsChanged ? groups : nil)
        }
    }

    /// Bytes of memory that the rows of an entry take at most, if all their keys are new.
    public static func memoryBytesMax(of entry: AppliedEntry) -> Int {
        let rows = entry.batch.rowCount
        // Header, padding, the version before, and slots that are at least three eighths full.
        var bytes = rows * (RowHeader.byteCount + 7 + 8 + 8 * 8 / 3)
        for key in entry.keyColumns { bytes += key.type.isText ? 2 * (key.byteCount + rows) : key.byteCount }
        guard entry.operation == .write else { return bytes }
        // A row has a slot for every feature of its schema, given or not.
        bytes += rows * RowLayout(types: entry.schema.features.map(\.type)).fixedBytes
        for (ordinal, column) in zip(entry.batch.ordinals, entry.batch.columns) where ordinal >= entry.schema.featureBase {
            switch column.type {
            case .string, .bytes: bytes += column.byteCount
            // A bool takes a byte in a row, a bit in a batch; a count and a bit for each element come on top.
            case .array(let element): bytes += rows * 5 + column.byteCount * (element == .bool ? 9 : 2)
            default: break
            }
        }
        return bytes
    }

    private func apply(
        _ entry: AppliedEntry, of record: AppliedRecord, to live: Generation, _ group: GroupState, _ buffer: inout RowBuffer,
        _ pause: () -> Void
    ) {
        let schema = entry.schema
        let rowCount = entry.batch.rowCount
        let keys = EncodedKeys(schema.groupID, entry.keyColumns, rowCount: rowCount, seed: seed)
        let layout = group.versions[schema.schemaVersion]!.layout
        let features: [Column?]? =
            entry.operation == .delete
            ? nil : schema.features.indices.map { entry.batch.column(ordinal: schema.featureBase + $0) }
        let eventTimes = entry.eventTimes(ingestTime: record.ingestTime)
        var counted = GroupStatistics()
        let rowsAtOnce = max(1, min(Self.rowsPackedAtOnce, Self.bytesPackedAtOnce / max(1, layout.fixedBytes)))
        let rowBytes = RowHeader.byteCount + keys.keyBytes + (features == nil ? 0 : layout.fixedBytes)
        for start in stride(from: 0, to: rowCount, by: rowsAtOnce) {
            let rows = start..<min(start + rowsAtOnce, rowCount)
            let packed = features.map { PackedRows($0, rows: rows, layout: layout) }
            for row in rows where !keys.isNull(row) {
                if row % Self.rowsLoadedAhead == 0, rowCount > 1 {
                    if row % Self.rowsBetweenPauses == 0 { pause() }
                    live.prefetch(keys.hashes[row..<min(row + Self.rowsLoadedAhead, rowCount)], rowBytes: rowBytes)
                }
                let eventTime = eventTimes[row]
                // Hidden now and for ever: there is nothing to keep.
                if eventTime < group.cutoff { continue }
                let order = RowOrder(eventTime: eventTime, position: record.position, row: UInt32(entry.firstRow + row))
                buffer.build(
                    keys: keys, row: row, order: order, schemaVersion: schema.schemaVersion, features: packed)
                live.upsert(buffer, counted: &counted, needed: neededPositions, pause: pause)
            }
        }
        live.add(counted, to: schema.groupID)
    }

    /// Changes the features of the latest row of a key without a record: damage that only the audit can find.
    ///
    /// - Parameter features: one column for each feature of the row's schema version; `row` of them is taken.
    /// - Returns: whether the key has a row that is no tombstone.
    package func replaceRowBehindTheLog(
        groupID: GroupID, key: [UInt8], features: [Column?], row: Int
    ) throws(HeadwaterError) -> Bool {
        try applying.withLock { buffer throws(HeadwaterError) in
            let (tables, visible) = state.withLock { ($0.tables, $0.visible) }
            let keys = EncodedKeys(groupID, key: key, seed: seed)
            try tables.read(keys, at: visible, into: &buffer)
            guard !buffer.isEmpty, !buffer.header.isTombstone, let group = tables.groups[groupID] else { return false }
            let old = buffer.header
            guard let layout = group.versions[old.schemaVersion]?.layout else { return false }
            let picked = features.map { column in column?.gather([row]) }
            buffer.build(
                keys: keys, row: 0, order: old.order, schemaVersion: old.schemaVersion,
                features: PackedRows(picked, rows: 0..<1, layout: layout))
            var counted = GroupStatistics()
            tables.live.upsert(buffer, isForced: true, counted: &counted, needed: neededPositions, pause: {})
            tables.live.add(counted, to: groupID)
            return true
        }
    }
}
