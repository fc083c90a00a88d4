public import FeatureModel

/// A key for which the two stores hold different rows.
public struct AuditDifference: Hashable, Sendable {
    public enum Kind: String, Sendable {
        case onlyOnline = "only online"
        case onlyOffline = "only offline"
        case otherRow = "another row is the latest"
        case otherTombstone = "a tombstone in one, a row in the other"
        case otherValues = "the values differ"
    }

    public let key: ArraySlice<UInt8>
    public let kind: Kind
    public let online: RowOrder?
    public let offline: RowOrder?
}

extension Audit {
    /// Compares rows key by key.
    ///
    /// - Complexity: O(rows).
    public static func differences(online: [AuditRow], offline: [AuditRow]) -> [AuditDifference] {
        var offlineByKey = Dictionary(offline.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var differences: [AuditDifference] = []
        for row in online {
            guard let other = offlineByKey.removeValue(forKey: row.key) else {
                differences.append(AuditDifference(key: row.key, kind: .onlyOnline, online: row.order, offline: nil))
                continue
            }
            guard row.hash != other.hash else { continue }
            let kind: AuditDifference.Kind =
                if row.order != other.order { .otherRow } else if row.isTombstone != other.isTombstone { .otherTombstone } else {
                    .otherValues
                }
            differences.append(AuditDifference(key: row.key, kind: kind, online: row.order, offline: other.order))
        }
        for row in offline where offlineByKey[row.key] != nil {
            differences.append(AuditDifference(key: row.key, kind: .onlyOffline, online: nil, offline: row.order))
        }
        return differences
    }
}
