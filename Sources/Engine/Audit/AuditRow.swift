public import FeatureModel

/// One latest row as an audit compares it.
public struct AuditRow: Hashable, Sendable {
    public let key: ArraySlice<UInt8>
    public let order: RowOrder
    public let isTombstone: Bool
    public let hash: UInt128
}

/// How audited rows travel: a batch of key, event time, position,
/// row, tombstone, and the two halves of the hash, the low one first.
extension AuditRow {
    private static let types: [FeatureType] = [.bytes, .timestamp, .int64, .int64, .bool, .int64, .int64]

    public static func batch(_ rows: ArraySlice<AuditRow>) -> Batch {
        var columns = types.map { ColumnBuilder($0, capacity: rows.count) }
        for row in rows {
            columns[0].append(text: row.key)
            columns[1].append(int64: row.order.eventTime)
            columns[2].append(int64: Int64(bitPattern: row.order.position))
            columns[3].append(int64: Int64(row.order.row))
            columns[4].append(bool: row.isTombstone)
            columns[5].append(int64: Int64(truncatingIfNeeded: row.hash))
            columns[6].append(int64: Int64(truncatingIfNeeded: row.hash >> 64))
        }
        return Batch(rowCount: rows.count, columns: columns.enumerated().map { ($0.offset, $0.element.finish()) })
    }

    /// - Throws: `.dataLoss` where the batch has other columns.
    public static func rows(_ batch: Batch) throws(HeadwaterError) -> [AuditRow] {
        guard batch.columns.map(\.type) == types else {
            throw HeadwaterError(.dataLoss, "audit rows with other columns than expected")
        }
        let columns = batch.columns
        return (0..<batch.rowCount).map { row in
            AuditRow(
                key: columns[0].bytes(row),
                order: RowOrder(
                    eventTime: columns[1].int64(row), position: Position(bitPattern: columns[2].int64(row)),
                    row: UInt32(truncatingIfNeeded: columns[3].int64(row))),
                isTombstone: columns[4].bool(row),
                hash: UInt128(UInt64(bitPattern: columns[6].int64(row))) << 64
                    | UInt128(UInt64(bitPattern: columns[5].int64(row))))
        }
    }
}
