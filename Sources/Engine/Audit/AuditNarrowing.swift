import FeatureModel

/// Decides what an audit does next about a group whose digests it has seen. The walks are elsewhere.
public enum AuditNarrowing {
    /// Buckets of the first look at a group.
    public static let firstSplitBits = 10
    /// Rows that each side brings for comparing one by one.
    public static let rowsMax = 50_000
    /// Parts that are cut finer at once.
    public static let partsMax = 16

    public enum Step: Equatable, Sendable {
        case agree
        /// The rows of these parts are few enough to be compared.
        case compare(AuditScope)
        /// Cut these parts finer first.
        case narrow(AuditScope)
    }

    /// - Parameters:
    ///   - online: what one side says of `scope`; `nil` where it does not have the group.
    ///   - rowsMax: rows to compare at most, unless a single bucket cannot be cut finer.
    /// - Returns: what to do, and how many parts differ that the step leaves out: each holds at least one more difference.
    public static func next(
        _ scope: AuditScope, _ online: GroupDigest?, _ offline: GroupDigest?, rowsMax: Int = rowsMax
    ) -> (step: Step, partsLeftOut: Int) {
        func bucket(_ digest: GroupDigest?, _ index: Int) -> GroupDigest.Bucket {
            guard let digest, digest.buckets.count == scope.bucketCount else { return GroupDigest.Bucket() }
            return digest.buckets[index]
        }
        let differing = (0..<scope.bucketCount).filter { bucket(online, $0) != bucket(offline, $0) }
        if differing.isEmpty { return (.agree, 0) }
        var rows: UInt64 = 0
        let few = differing.prefix { index in
            rows += max(bucket(online, index).rows, bucket(offline, index).rows)
            return rows <= rowsMax
        }
        if !few.isEmpty || scope.prefixBits + scope.splitBits >= AuditScope.prefixBitsMax - AuditScope.splitBitsMax {
            let parts = few.isEmpty ? differing.prefix(1) : few
            return (.compare(scope.narrowed(to: parts, splitBits: 0)), differing.count - parts.count)
        }
        let parts = differing.prefix(partsMax)
        return (.narrow(scope.narrowed(to: parts, splitBits: AuditScope.splitBitsMax)), differing.count - parts.count)
    }
}
