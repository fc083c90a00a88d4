public import FeatureModel

/// What one store says of the latest rows of a group, in hash buckets small enough to compare row by row.
public struct GroupDigest: Hashable, Sendable {
    public struct Bucket: Hashable, Sendable {
        public internal(set) var rows: UInt64 = 0
        /// Sum of the rows' digests, wrapping: it does not depend on their order.
        public internal(set) var sum: UInt64 = 0
    }

    public let groupID: GroupID
    public internal(set) var buckets: [Bucket]

    init(groupID: GroupID, bucketCount: Int) {
        self.groupID = groupID
        buckets = Array(repeating: Bucket(), count: bucketCount)
    }

    public var rows: UInt64 { buckets.reduce(0) { $0 + $1.rows } }

    mutating func add(_ row: AuditRow) {
        let bucket = RowDigester.bucket(row.key, of: buckets.count)
        buckets[bucket].rows += 1
        buckets[bucket].sum &+= row.digest
    }
}

/// One latest row as an audit sees it.
public struct AuditRow: Hashable, Sendable {
    public let key: ArraySlice<UInt8>
    public let order: RowOrder
    public let isTombstone: Bool
    public let digest: UInt64
}

extension GroupDigest {
    /// How digests travel: repeated {group id, bucket count, buckets of (rows, sum)}, little-endian.
    public static func encode(_ digests: [GroupDigest]) -> [UInt8] {
        var bytes: [UInt8] = []
        for digest in digests {
            bytes.append(littleEndian: digest.groupID)
            bytes.append(littleEndian: UInt32(digest.buckets.count))
            for bucket in digest.buckets {
                bytes.append(littleEndian: bucket.rows)
                bytes.append(littleEndian: bucket.sum)
            }
        }
        return bytes
    }

    /// - Throws: `.dataLoss` where the bytes do not hold together.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> [GroupDigest] {
        var digests: [GroupDigest] = []
        var reader = FieldReader(bytes, what: "audit digests")
        while !reader.isAtEnd {
            let groupID = try reader.next(GroupID.self)
            let count = Int(try reader.next(UInt32.self))
            var digest = GroupDigest(groupID: groupID, bucketCount: 0)
            for _ in 0..<count { digest.buckets.append(Bucket(rows: try reader.next(), sum: try reader.next())) }
            digests.append(digest)
        }
        return digests
    }
}

/// How audited rows travel: a batch of key, event time, position, row, tombstone, digest.
extension AuditRow {
    public static func batch(_ rows: [AuditRow]) -> Batch {
        var keys = ColumnBuilder(.bytes)
        var times = ColumnBuilder(.timestamp)
        var positions = ColumnBuilder(.int64)
        var numbers = ColumnBuilder(.int64)
        var tombstones = ColumnBuilder(.bool)
        var digests = ColumnBuilder(.int64)
        for row in rows {
            keys.append(text: row.key)
            times.append(int64: row.order.eventTime)
            positions.append(int64: Int64(bitPattern: row.order.position))
            numbers.append(int64: Int64(row.order.row))
            tombstones.append(bool: row.isTombstone)
            digests.append(int64: Int64(bitPattern: row.digest))
        }
        let columns = [
            keys.finish(), times.finish(), positions.finish(), numbers.finish(), tombstones.finish(), digests.finish(),
        ]
        return Batch(rowCount: rows.count, columns: columns.enumerated().map { ($0.offset, $0.element) })
    }

    /// - Throws: `.dataLoss` where the batch has other columns.
    public static func rows(_ batch: Batch) throws(HeadwaterError) -> [AuditRow] {
        guard batch.columns.map(\.type) == [.bytes, .timestamp, .int64, .int64, .bool, .int64] else {
            throw HeadwaterError(.dataLoss, "audit rows with other columns than expected")
        }
        let columns = batch.columns
        return (0..<batch.rowCount).map { row in
            AuditRow(
                key: columns[0].bytes(row),
                order: RowOrder(
                    eventTime: columns[1].int64(row), position: Position(bitPattern: columns[2].int64(row)),
                    row: UInt32(truncatingIfNeeded: columns[3].int64(row))),
                isTombstone: columns[4].bool(row), digest: UInt64(bitPattern: columns[5].int64(row)))
        }
    }
}
