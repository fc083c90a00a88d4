import FeatureModel

/// A scalar at a path of a JSON document, such as `items[0].price`; `$.` may stand in front.
///
/// The document is read once, up to the place, and nothing is built of it. What is not JSON up to there has nothing at any place.
struct JSONLookup {
    enum Found {
        case text([UInt8])
        case number([UInt8])
        case word([UInt8])

        /// A text as it is, numbers and `true` and `false` as they are written.
        var text: [UInt8]? {
            switch self {
            case .text(let bytes), .number(let bytes): bytes
            case .word(let bytes): bytes == Array("null".utf8) ? nil : bytes
            }
        }

        /// A number, or a text that is one.
        var number: Double? {
            switch self {
            case .text(let bytes), .number(let bytes): Cast.float(bytes[...], as: .float64)
            case .word: nil
            }
        }
    }

    private enum Step: Equatable {
        case member([UInt8])
        case element(Int)
    }

    private static let depthMax = 256

    private let bytes: ArraySlice<UInt8>
    private var next: Int

    static func find(_ path: ArraySlice<UInt8>, in document: ArraySlice<UInt8>) -> Found? {
        guard let steps = steps(path) else { return nil }
        var lookup = JSONLookup(bytes: document, next: document.startIndex)
        return lookup.find(steps[...])
    }

    private static func steps(_ path: ArraySlice<UInt8>) -> [Step]? {
        var rest = path
        var steps: [Step] = []
        if rest.first == UInt8(ascii: "$") {
            rest = rest.dropFirst()
        } else if rest.first != UInt8(ascii: "[") {
            rest = [UInt8(ascii: ".")] + rest
        }
        while let first = rest.first {
            rest = rest.dropFirst()
            if first == UInt8(ascii: ".") {
                let name = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "[") }
                guard !name.isEmpty else { return nil }
                steps.append(.member(Array(name)))
                rest = rest.dropFirst(name.count)
            } else if first == UInt8(ascii: "[") {
                let digits = rest.prefix { $0 != UInt8(ascii: "]") }
                guard let number = NumberText.int64(digits), number >= 0, rest.count > digits.count else { return nil }
                steps.append(.element(Int(number)))
                rest = rest.dropFirst(digits.count + 1)
            } else {
                return nil
            }
        }
        // Nested as deep as a document may be that is passed over.
        return steps.count <= depthMax ? steps : nil
    }

    private var byte: UInt8? { next < bytes.endIndex ? bytes[next] : nil }

    private mutating func skipSpace() {
        while let byte, byte == 32 || byte == 9 || byte == 10 || byte == 13 { next += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard byte == UInt8(ascii: character) else { return false }
        next += 1
        return true
    }

    private mutating func find(_ steps: ArraySlice<Step>) -> Found? {
        guard let step = steps.first else { return scalar() }
        switch step {
        case .member(let name):
            guard take("{") else { return nil }
            repeat {
                skipSpace()
                guard let member = string(), take(":") else { return nil }
                if member == name { return find(steps.dropFirst()) }
                guard skip(1) else { return nil }
            } while take(",")
            return nil
        case .element(let number):
            guard take("[") else { return nil }
            for _ in 0..<number { guard skip(1), take(",") else { return nil } }
            return find(steps.dropFirst())
        }
    }

    private mutating func scalar() -> Found? {
        skipSpace()
        switch byte {
        case UInt8(ascii: "\""): return string().map { .text($0) }
        case UInt8(ascii: "{"), UInt8(ascii: "["), nil: return nil
        default:
            guard let word = word() else { return nil }
            return Self.isNumber(word) ? .number(word) : .word(word)
        }
    }

    /// A number, `true`, `false` or `null`.
    private mutating func word() -> [UInt8]? {
        let start = next
        while let byte, !" \t\r\n,]}:".utf8.contains(byte) { next += 1 }
        let word = Array(bytes[start..<next])
        if ["true", "false", "null"].contains(where: { word.elementsEqual($0.utf8) }) { return word }
        return Self.isNumber(word) ? word : nil
    }

    /// As JSON spells numbers: digits on both sides of a point, no zeros in front, no names.
    private static func isNumber(_ word: [UInt8]) -> Bool {
        let digits = word.drop { $0 == UInt8(ascii: "-") }
        let whole = digits.prefix(while: isDigit)
        guard word.count - digits.count <= 1, !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else {
            return false
        }
        let rest = digits.dropFirst(whole.count)
        if rest.first == UInt8(ascii: "."), !rest.dropFirst().prefix(1).contains(where: isDigit) { return false }
        return NumberText.float64(word[...]) != nil
    }

    private mutating func string() -> [UInt8]? {
        guard byte == UInt8(ascii: "\"") else { return nil }
        next += 1
        var content: [UInt8] = []
        while let byte {
            next += 1
            switch byte {
            case UInt8(ascii: "\""): return content
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                content += Array(String(Character(scalar)).utf8)
            case ..<32: return nil
            default: content.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let byte else { return nil }
        next += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "u"):
            guard let first = hexadecimal() else { return nil }
            guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
            guard self.byte == UInt8(ascii: "\\"), next + 1 < bytes.endIndex, bytes[next + 1] == UInt8(ascii: "u") else {
                return nil
            }
            next += 2
            guard let second = hexadecimal(), (0xDC00..<0xE000).contains(second) else { return nil }
            return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        default: return nil
        }
    }

    private mutating func hexadecimal() -> UInt32? {
        guard next + 4 <= bytes.endIndex else { return nil }
        defer { next += 4 }
        let digits = bytes[next..<next + 4]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    /// Passes over one value.
    private mutating func skip(_ depth: Int) -> Bool {
        guard depth <= Self.depthMax else { return false }
        skipSpace()
        switch byte {
        case UInt8(ascii: "\""): return string() != nil
        case UInt8(ascii: "["):
            next += 1
            if take("]") { return true }
            repeat { guard skip(depth + 1) else { return false } } while take(",")
            return take("]")
        case UInt8(ascii: "{"):
            next += 1
            if take("}") { return true }
            repeat {
                skipSpace()
                guard string() != nil, take(":"), skip(depth + 1) else { return false }
            } while take(",")
            return take("}")
        default: return word() != nil
        }
    }
}
