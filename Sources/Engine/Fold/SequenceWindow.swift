/// Values by sequence, in rising order of the sequences: those of one producer mostly rise by one, so that a value is found where
/// its number says, one more goes to the end, and the oldest leaves in front.
struct SequenceWindow<Value: Equatable & Sendable>: Sendable {
    private var sequences: [UInt64] = []
    private var values: [Value] = []
    /// Of the oldest; what stands before it has left.
    private var first = 0

    /// Removed values that may stand in front.
    private static var goneMax: Int { 1_024 }

    var count: Int { sequences.count - first }

    /// In rising order.
    var all: some Sequence<(sequence: UInt64, value: Value)> {
        (first..<sequences.count).lazy.map { (sequences[$0], values[$0]) }
    }

    subscript(sequence: UInt64) -> Value? {
        let (index, isThere) = find(sequence)
        return isThere ? values[index] : nil
    }

    /// Adds a value, or replaces that of the same sequence.
    ///
    /// - Complexity: O(1) for the greatest sequence, else O(count).
    mutating func set(_ sequence: UInt64, _ value: Value) {
        let (index, isThere) = find(sequence)
        if isThere {
            values[index] = value
        } else {
            sequences.insert(sequence, at: index)
            values.insert(value, at: index)
        }
    }

    /// Removes the value of the least sequence; traps where there is none.
    ///
    /// - Complexity: O(1) amortised.
    mutating func removeOldest() -> UInt64 {
        let oldest = sequences[first]
        first += 1
        if first >= Self.goneMax {
            sequences.removeFirst(first)
            values.removeFirst(first)
            first = 0
        }
        return oldest
    }

    /// Where a sequence stands, or would.
    private func find(_ sequence: UInt64) -> (index: Int, isThere: Bool) {
        guard let last = sequences.last, count > 0, sequence <= last else { return (sequences.count, false) }
        let least = sequences[first]
        guard sequence > least else { return (first, sequence == least) }
        // Where none is left out, the number says where it is.
        if let ahead = Int(exactly: sequence - least), ahead < count, sequences[first + ahead] == sequence {
            return (first + ahead, true)
        }
        var range = first..<sequences.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if sequences[middle] < sequence { range = middle + 1..<range.upperBound } else { range = range.lowerBound..<middle }
        }
        return (range.lowerBound, sequences[range.lowerBound] == sequence)
    }
}

extension SequenceWindow: Equatable {
    static func == (left: Self, right: Self) -> Bool {
        left.sequences[left.first...] == right.sequences[right.first...]
            && left.values[left.first...] == right.values[right.first...]
    }
}
