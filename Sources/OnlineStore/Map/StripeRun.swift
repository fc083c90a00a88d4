internal import FeatureModel

/// The rows of one stripe at one position, sorted by (hash, group id, key). The map that they stand in is pinned meanwhile.
struct StripeRun {
    private var entries: [(hash: UInt64, row: StoredRow)] = []

    init() {}

    var count: Int { entries.count }

    /// - Complexity: O(n log n).
    init(_ slots: Slots, at visible: Position, seed: UInt64) {
        entries.reserveCapacity(slots.count / 2)
        for index in 0..<slots.count {
            guard let row = slots.row(at: index)?.version(at: visible) else { continue }
            entries.append((row.hash(seed: seed), row))
        }
        entries.sort { left, right in
            left.hash != right.hash ? left.hash < right.hash : Self.precedes(left.row, right.row)
        }
    }

    /// Copies row `index` into `row`.
    func load(_ index: Int, into row: inout RowBuffer) {
        let (hash, stored) = entries[index]
        stored.withRecord { row.assign($0, hash: hash) }
    }

    /// The order of two rows of one hash: by group id, then key bytes.
    private static func precedes(_ left: StoredRow, _ right: StoredRow) -> Bool {
        let (leftHeader, rightHeader) = (left.header, right.header)
        if leftHeader.groupID != rightHeader.groupID { return leftHeader.groupID < rightHeader.groupID }
        return left.withRecord { leftRecord in
            right.withRecord { rightRecord in
                let start = RowHeader.byteCount
                return compare(
                    leftRecord.extracting(start..<start + leftHeader.keyCount),
                    rightRecord.extracting(start..<start + rightHeader.keyCount)) < 0
            }
        }
    }
}
