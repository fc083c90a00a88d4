public import FeatureModel

/// One store's digest of the latest rows of a group within a scope, bucket by bucket.
public struct GroupDigest: Hashable, Sendable {
    public struct Bucket: Hashable, Sendable {
        public internal(set) var rows: UInt64 = 0
        /// Sum of the rows' hashes modulo 2^128: it does not depend on their order (see `AuditHash`).
        public internal(set) var sum: UInt128 = 0
    }

    public let groupID: GroupID
    public internal(set) var buckets: [Bucket]

    init(groupID: GroupID, bucketCount: Int) {
        self.groupID = groupID
        buckets = Array(repeating: Bucket(), count: bucketCount)
    }

    public var rows: UInt64 { buckets.reduce(0) { $0 + $1.rows } }

    mutating func add(_ hash: UInt128, to bucket: Int) {
        buckets[bucket].rows += 1
        buckets[bucket].sum &+= hash
    }
}

extension GroupDigest {
    /// How digests travel: repeated {group id u32, bucket count u32, buckets of (rows u64, sum u128)}, little-endian.
    public static func encode(_ digests: [GroupDigest]) -> [UInt8] {
        var bytes: [UInt8] = []
        for digest in digests {
            bytes.append(littleEndian: digest.groupID)
            bytes.append(littleEndian: UInt32(digest.buckets.count))
            for bucket in digest.buckets {
                bytes.append(littleEndian: bucket.rows)
                bytes.append(littleEndian: UInt64(truncatingIfNeeded: bucket.sum))
                bytes.append(littleEndian: UInt64(truncatingIfNeeded: bucket.sum >> 64))
            }
        }
        return bytes
    }

    /// - Throws: `.dataLoss` where the bytes do not hold together.
    public static func decode(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> [GroupDigest] {
        var digests: [GroupDigest] = []
        var reader = ByteReader(bytes, of: "audit digests")
        while !reader.isAtEnd {
            let groupID = try reader.integer(GroupID.self)
            let count = Int(try reader.integer(UInt32.self))
            var digest = GroupDigest(groupID: groupID, bucketCount: 0)
            for _ in 0..<count {
                var bucket = Bucket(rows: try reader.integer())
                let low = UInt128(try reader.integer(UInt64.self))
                bucket.sum = UInt128(try reader.integer(UInt64.self)) << 64 | low
                digest.buckets.append(bucket)
            }
            digests.append(digest)
        }
        return digests
    }
}
