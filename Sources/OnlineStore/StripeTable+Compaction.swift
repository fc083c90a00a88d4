internal import FeatureModel

extension StripeTable {
    /// Drops the versions that no reader needs: for each key the newest stays, and for each needed position the first version
    /// at or before it.
    ///
    /// - Parameter needed: falling positions.
    /// - Complexity: O(bytes of the stripe + rows × needed positions).
    mutating func compact(needed: [Position]) {
        var fresh: [UInt8] = []
        fresh.reserveCapacity(arena.count - supersededBytes)
        var retained = 0
        var chain: [Int] = []
        let old = arena
        let oldRows = unsafe old.span.bytes
        for slot in slots.indices where slots[slot] != 0 {
            collectVersions(from: Int(slots[slot] & Self.offsetMask) - 1, needed: needed, into: &chain)
            var previous: UInt64 = 0
            for (index, offset) in chain.enumerated().reversed() {
                let count = RowHeader(oldRows, at: offset).recordCount
                let copy = fresh.count
                fresh.append(contentsOf: old[offset..<offset + count])
                fresh.store(littleEndian: previous, at: copy + RowHeader.previousOffset)
                previous = UInt64(copy + 1)
                if index > 0 { retained += count }
            }
            slots[slot] = slots[slot] & ~Self.offsetMask | previous
        }
        arena = fresh
        supersededBytes = retained
        compactionBytes = max(Self.compactionBytesMin, retained * 2)
    }

    /// The versions of one key to keep, newest first.
    private func collectVersions(from head: Int, needed: [Position], into chain: inout [Int]) {
        chain.removeAll(keepingCapacity: true)
        let arena = unsafe arena.span.bytes
        var next = 0
        var offset = head
        while true {
            let header = RowHeader(arena, at: offset)
            var isNeeded = chain.isEmpty
            while next < needed.count, needed[next] >= header.order.position {
                isNeeded = true
                next += 1
            }
            if isNeeded { chain.append(offset) }
            if next == needed.count || header.previous == 0 { return }
            offset = Int(header.previous) - 1
        }
    }
}
