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
    static func substring(_ text: ArraySlice<UInt8>, from first: Int64, count: Int64) -> ArraySlice<UInt8> {
        guard count > 0 else { return [] }
        let (end, overflow) = first.addingReportingOverflow(count)
        let last = overflow ? Int64.max : end - 1
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
        for start in text.startIndex...(text.endIndex - wanted.count)
        where text[start] == head && text[start...].starts(with: wanted) {
            return start
        }
        return nil
    }

    /// Every place, from left to right; nothing where what is wanted is empty.
    static func replace(_ wanted: ArraySlice<UInt8>, in text: ArraySlice<UInt8>, by other: ArraySlice<UInt8>) -> ArraySlice<UInt8>
    {
        if wanted.isEmpty { return text }
        let parts = split(text, at: wanted)
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
