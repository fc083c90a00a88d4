internal import FeatureModel

/// Bytes, elements and vectors that registers point into, for the rows of one batch.
///
/// A text's word is its place and its length, a list's the place and number of its elements, a vector's its place.
struct Heap: Sendable {
    var text: [UInt8] = []
    var cells: [UInt64] = []
    var cellsValid: [UInt8] = []
    var floats: [Float] = []
    /// Bytes of constants, which stay.
    private var constantBytes = 0

    /// What all of it may take before a batch is run in smaller pieces.
    static let bytesMax = 64 << 20
    var isLarge: Bool { text.count + cells.count * 9 + floats.count * 4 > Heap.bytesMax }

    mutating func keepConstants() { constantBytes = text.count }

    mutating func clear() {
        if text.count > constantBytes { text.removeLast(text.count - constantBytes) }
        if !cells.isEmpty {
            cells.removeAll(keepingCapacity: true)
            cellsValid.removeAll(keepingCapacity: true)
        }
        if !floats.isEmpty { floats.removeAll(keepingCapacity: true) }
    }

    @inline(__always)
    static func word(_ start: Int, _ count: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: start) &<< 32 | UInt64(truncatingIfNeeded: count)
    }

    /// The bytes or elements that a word means.
    @inline(__always)
    static func range(_ word: UInt64) -> Range<Int> {
        let start = Int(truncatingIfNeeded: word &>> 32)
        return start..<start &+ Int(truncatingIfNeeded: word & 0xFFFF_FFFF)
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        let start = text.count
        text.append(contentsOf: bytes)
        return Heap.word(start, bytes.count)
    }

    mutating func append(_ bytes: [UInt8]) -> UInt64 { append(bytes[...]) }

    mutating func append(_ string: String) -> UInt64 {
        let start = text.count
        text.append(contentsOf: string.utf8)
        return Heap.word(start, text.count - start)
    }

    /// Copies bytes of its own to the end.
    mutating func appendText(in range: Range<Int>) {
        if range.count <= 64 {
            for place in range { text.append(text[place]) }
        } else {
            // Through a copy, as an array does not append what it lends.
            text.append(contentsOf: Array(text[range]))
        }
    }

    func hasSameText(_ left: UInt64, _ right: UInt64) -> Bool {
        if left == right { return true }
        let (first, second) = (Heap.range(left), Heap.range(right))
        guard first.count == second.count else { return false }
        let bytes = text.span
        for index in 0..<first.count where bytes[first.lowerBound + index] != bytes[second.lowerBound + index] { return false }
        return true
    }

    /// Whether the first text stands before the second by bytes.
    func isText(_ left: UInt64, before right: UInt64) -> Bool {
        let (first, second) = (Heap.range(left), Heap.range(right))
        let bytes = text.span
        for index in 0..<min(first.count, second.count) {
            let (one, other) = (bytes[first.lowerBound + index], bytes[second.lowerBound + index])
            if one != other { return one < other }
        }
        return first.count < second.count
    }
}
