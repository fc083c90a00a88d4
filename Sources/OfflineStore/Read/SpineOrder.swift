internal import FeatureModel

/// Spine rows sorted by (key bytes, time) for one group; rows that can match nothing are left out.
struct SpineOrder {
    /// Row numbers of the spine, in order.
    let rows: [Int]
    /// Keys by place in `rows`, each different one once, and the first place of each; behind the last one the count.
    private let arena: KeyArena
    private let arenaRows: [Int]
    let keyStarts: [Int]

    var keyCount: Int { keyStarts.count - 1 }
    var byteCount: Int { arena.byteCount + rows.count * 24 }

    /// - Complexity: O(n log n) for n spine rows.
    init(keyColumns: [Column], times: Column) {
        var arena = KeyArena()
        var spineRows: [Int] = []
        for row in 0..<times.count where !times.isNull(row) && arena.append(keyColumns, row: row) { spineRows.append(row) }
        let order = (0..<spineRows.count).sorted { left, right in
            let keys = arena.compare(left, right)
            if keys != 0 { return keys < 0 }
            return (times.int64(spineRows[left]), left) < (times.int64(spineRows[right]), right)
        }
        var starts: [Int] = []
        for place in order.indices where place == 0 || arena.compare(order[place - 1], order[place]) != 0 { starts.append(place) }
        arenaRows = starts.map { order[$0] }
        starts.append(order.count)
        keyStarts = starts
        rows = order.map { spineRows[$0] }
        self.arena = arena
    }

    func key(_ number: Int) -> ArraySlice<UInt8> { arena[arenaRows[number]] }
}
