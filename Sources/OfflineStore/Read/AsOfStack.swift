internal import FeatureModel

/// The rows of one key in one block that a later spine time may still match, while times only rise.
///
/// Rows come in (event_time, position, row) order, so of two rows the later one is the
/// greater. A row is kept only while no greater row is known as early: known times therefore
/// rise from bottom to top, and the match at `t` is the last one with a known time up to `t`.
struct AsOfStack {
    private var entries: [(row: Int, knownTime: Microseconds)] = []

    /// Adds the next row, when `time` is the least that will be asked for.
    ///
    /// - Complexity: amortized O(1).
    mutating func push(_ row: Int, knownTime: Microseconds, time: Microseconds) {
        if knownTime <= time {
            // From now on this row is a better answer than every smaller one.
            entries.removeAll(keepingCapacity: true)
        } else {
            while let last = entries.last, last.knownTime >= knownTime { entries.removeLast() }
        }
        entries.append((row, knownTime))
    }

    /// The greatest row known at `time`. - Complexity: O(log n).
    func match(_ time: Microseconds) -> Int? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].knownTime <= time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : entries[low - 1].row
    }

    mutating func removeAll() { entries.removeAll(keepingCapacity: true) }
}
