public import FeatureModel

/// Keys that a scan is limited to.
public final class KeySet: Sendable {
    /// Each once, rising.
    private let keys: KeyArena

    /// - Parameter columns: the group's key columns, in key order and of its
    ///   types; rows with a null are left out, as no stored key has one.
    public init(_ columns: [Column]) {
        keys = KeyOrder([KeyOrder.Part(keyColumns: columns, rowCount: columns.first?.count ?? 1, times: nil)]).keys
    }

    /// Whether a key lies between two, both included. - Complexity: O(log n).
    func hasKey(from least: ArraySlice<UInt8>, through greatest: ArraySlice<UInt8>) -> Bool {
        let first = first(notBelow: least)
        return first < keys.count && keys.compare(first, greatest) <= 0
    }

    func contains(_ key: ArraySlice<UInt8>) -> Bool {
        let first = first(notBelow: key)
        return first < keys.count && keys.compare(first, key) == 0
    }

    private func first(notBelow key: ArraySlice<UInt8>) -> Int {
        let prefix = KeyBytes.prefix(key)
        return (0..<keys.count).bisect { keys.compare($0, key, prefix: prefix) < 0 }
    }
}
