import FeatureModel

/// Texts are bytes of UTF-8: compared and searched as bytes, counted and cut by code points, and only ASCII has two cases.
enum TextFunctions {
    static func lower(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        ArraySlice(text.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 })
    }

    static func upper(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        ArraySlice(text.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) ? $0 & ~0x20 : $0 })
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    static func trim(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let rest = text.drop(while: isSpace)
        guard let last = rest.lastIndex(where: { !isSpace($0) }) else { return [] }
        return rest[...last]
    }

    private static func continues(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    static func length(_ text: ArraySlice<UInt8>) -> Int { text.count { !continues($0) } }

    /// Code points from a place on, counted from 1; those before the first are counted and are not there.
    ///
    /// - Parameter count: `nil` up to the end.
    static func substring(_ text: ArraySlice<UInt8>, from first: Int64, count: Int64?) -> ArraySlice<UInt8> {
        var last = Int64.max
        if let count {
            guard count > 0 else { return [] }
            let (end, overflow) = first.addingReportingOverflow(count)
            last = overflow ? .max : end - 1
        }
        var place: Int64 = 0
        var (start, stop) = (text.endIndex, text.endIndex)
        for index in text.indices where !continues(text[index]) {
            place += 1
            if place >= first, start == text.endIndex { start = index }
            if place > last {
                stop = index
                break
            }
        }
        return start < stop ? text[start..<stop] : []
    }

    /// Where a text first stands in another; the empty one stands at the beginning.
    static func first(_ wanted: ArraySlice<UInt8>, in text: ArraySlice<UInt8>) -> Int? {
        guard let head = wanted.first else { return text.startIndex }
        guard text.count >= wanted.count else { return nil }
        if wanted.count > shortBytes { return firstOfLong(wanted, in: text) }
        for start in text.startIndex...(text.endIndex - wanted.count)
        where text[start] == head && text[start...].starts(with: wanted) {
            return start
        }
        return nil
    }

    /// Texts up to here are compared at each place. For long ones that would take length times length on hostile input.
    private static let shortBytes = 16

    /// The same in time that grows with both lengths.
    ///
    /// *Source*: Knuth, Morris, Pratt, "Fast Pattern Matching in Strings", 1977.
    private static func firstOfLong(_ wanted: ArraySlice<UInt8>, in text: ArraySlice<UInt8>) -> Int? {
        let pattern = Array(wanted)
        /// For each end, how long a beginning of the pattern stands before it.
        var borders = [0]
        borders.reserveCapacity(pattern.count)
        var matched = 0
        func follow(_ byte: UInt8) {
            while matched > 0, pattern[matched] != byte { matched = borders[matched - 1] }
            if pattern[matched] == byte { matched += 1 }
        }
        for byte in pattern.dropFirst() {
            follow(byte)
            borders.append(matched)
        }
        matched = 0
        for index in text.indices {
            follow(text[index])
            if matched == pattern.count { return index + 1 - matched }
        }
        return nil
    }

    /// Every place, from left to right; nothing where what is wanted is empty.
    ///
    /// - Returns: `nil` where the text would be longer than a cell may be.
    static func replace(
        _ wanted: ArraySlice<UInt8>, in text: ArraySlice<UInt8>, by other: ArraySlice<UInt8>
    ) -> ArraySlice<UInt8>? {
        if wanted.isEmpty { return text }
        let parts = split(text, at: wanted)
        // Looked at before it is made: a megabyte for each byte of another would not fit any memory.
        let length = text.count + (parts.count - 1) * (other.count - wanted.count)
        guard length <= Limits.cellBytesMax else { return nil }
        return ArraySlice(parts.joined(separator: other))
    }

    /// What stands between the places; the text itself where the separator is empty.
    static func split(_ text: ArraySlice<UInt8>, at separator: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        if separator.isEmpty { return [text] }
        var parts: [ArraySlice<UInt8>] = []
        var rest = text
        while let place = first(separator, in: rest) {
            parts.append(rest[..<place])
            rest = rest[(place + separator.count)...]
        }
        return parts + [rest]
    }
}
