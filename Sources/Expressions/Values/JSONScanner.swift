/// Finds one value in a JSON document, and reads all of it, so that a document is either JSON or is not, wherever the value
/// stands.
///
/// Where a key stands twice, the first counts. *Source*: RFC 8259.
struct JSONScanner {
    enum Found {
        case malformed
        /// There is nothing there, or a null.
        case missing
        case number(ArraySlice<UInt8>)
        /// A text without quotes and escapes.
        case text([UInt8])
        /// true, false, an object or an array, as it stands.
        case other(ArraySlice<UInt8>)
    }

    /// Objects and arrays around one another.
    static let nestingMax = 128

    private let bytes: ArraySlice<UInt8>
    private var place: Int
    private var nesting = 0
    private let path: JSONPath
    private var found: ArraySlice<UInt8>?

    /// - Complexity: O(bytes).
    static func find(_ path: JSONPath, in bytes: ArraySlice<UInt8>) -> Found {
        var scanner = JSONScanner(bytes, path)
        scanner.skipSpaces()
        guard scanner.value(step: 0) else { return .malformed }
        scanner.skipSpaces()
        guard scanner.place == bytes.endIndex else { return .malformed }
        guard let value = scanner.found, let first = value.first else { return .missing }
        switch first {
        case UInt8(ascii: "n"): return .missing
        case UInt8(ascii: "\""): return unescaped(value.dropFirst().dropLast()).map { .text($0) } ?? .malformed
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "{"), UInt8(ascii: "["): return .other(value)
        default: return .number(value)
        }
    }

    private init(_ bytes: ArraySlice<UInt8>, _ path: JSONPath) {
        self.bytes = bytes
        self.path = path
        place = bytes.startIndex
    }

    private var byte: UInt8 { place < bytes.endIndex ? bytes[place] : 0 }

    private mutating func skipSpaces() {
        while byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { place += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character), place < bytes.endIndex else { return false }
        place += 1
        return true
    }

    /// Reads a value; one at `step` of the path if it lies on it. Whether it is well formed.
    private mutating func value(step: Int?) -> Bool {
        let start = place
        let isGood: Bool
        switch byte {
        case UInt8(ascii: "{"): isGood = object(step)
        case UInt8(ascii: "["): isGood = array(step)
        case UInt8(ascii: "\""): isGood = string()
        case UInt8(ascii: "t"): isGood = word("true")
        case UInt8(ascii: "f"): isGood = word("false")
        case UInt8(ascii: "n"): isGood = word("null")
        default: isGood = number()
        }
        if isGood, step == path.steps.count, found == nil { found = bytes[start..<place] }
        return isGood
    }

    private mutating func object(_ step: Int?) -> Bool {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= JSONScanner.nestingMax else { return false }
        place += 1
        skipSpaces()
        if take("}") { return true }
        var isWanted = true
        repeat {
            skipSpaces()
            let start = place
            guard byte == UInt8(ascii: "\""), string() else { return false }
            var next: Int?
            if isWanted, let step, step < path.steps.count, case .key(let key) = path.steps[step],
                JSONScanner.unescaped(bytes[start + 1..<place - 1])?.elementsEqual(key) ?? false
            {
                next = step + 1
                isWanted = false
            }
            skipSpaces()
            guard take(":") else { return false }
            skipSpaces()
            guard value(step: next) else { return false }
            skipSpaces()
        } while take(",")
        return take("}")
    }

    private mutating func array(_ step: Int?) -> Bool {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= JSONScanner.nestingMax else { return false }
        place += 1
        skipSpaces()
        if take("]") { return true }
        var index = 0
        repeat {
            skipSpaces()
            var next: Int?
            if let step, step < path.steps.count, case .index(index) = path.steps[step] { next = step + 1 }
            guard value(step: next) else { return false }
            index += 1
            skipSpaces()
        } while take(",")
        return take("]")
    }

    private mutating func string() -> Bool {
        place += 1
        while place < bytes.endIndex {
            let byte = bytes[place]
            place += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte < 0x20 { return false }
            if byte == UInt8(ascii: "\\") {
                guard place < bytes.endIndex else { return false }
                let escape = bytes[place]
                place += 1
                if escape == UInt8(ascii: "u") {
                    guard JSONScanner.hex(bytes[place...].prefix(4)) != nil else { return false }
                    place += 4
                } else if !JSONScanner.escapes.contains(where: { $0.0 == escape }) {
                    return false
                }
            }
        }
        return false
    }

    private mutating func word(_ word: StaticString) -> Bool {
        for character in word.description.utf8 {
            guard byte == character else { return false }
            place += 1
        }
        return true
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") {
            guard byte.isDigit else { return false }
            while byte.isDigit { place += 1 }
        }
        if take(".") {
            guard byte.isDigit else { return false }
            while byte.isDigit { place += 1 }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard byte.isDigit else { return false }
            while byte.isDigit { place += 1 }
        }
        return true
    }

    private static let escapes: [(UInt8, UInt8)] = [
        (UInt8(ascii: "\""), 0x22), (UInt8(ascii: "\\"), 0x5C), (UInt8(ascii: "/"), 0x2F), (UInt8(ascii: "b"), 0x08),
        (UInt8(ascii: "f"), 0x0C), (UInt8(ascii: "n"), 0x0A), (UInt8(ascii: "r"), 0x0D), (UInt8(ascii: "t"), 0x09),
    ]

    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard digits.count == 4 else { return nil }
        var number: UInt32 = 0
        for digit in digits {
            let lower = digit.lowercased
            if digit.isDigit {
                number = number << 4 | UInt32(digit - UInt8(ascii: "0"))
            } else if lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "f") {
                number = number << 4 | UInt32(lower - UInt8(ascii: "a") + 10)
            } else {
                return nil
            }
        }
        return number
    }

    /// The text that well-formed escapes mean; `nil` where half of a pair of surrogates is missing.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.contains(UInt8(ascii: "\\")) else { return Array(text) }
        var plain: [UInt8] = []
        var place = text.startIndex
        while place < text.endIndex {
            guard text[place] == UInt8(ascii: "\\") else {
                plain.append(text[place])
                place += 1
                continue
            }
            let escape = text[place + 1]
            place += 2
            if escape != UInt8(ascii: "u") {
                plain.append(escapes.first { $0.0 == escape }?.1 ?? escape)
                continue
            }
            guard var code = hex(text[place...].prefix(4)) else { return nil }
            place += 4
            if code >> 10 == 0x36 {
                guard text[place...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]),
                    let low = hex(text[(place + 2)...].prefix(4)), low >> 10 == 0x37
                else { return nil }
                code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
                place += 6
            }
            guard let scalar = Unicode.Scalar(code) else { return nil }
            plain.append(contentsOf: String(scalar).utf8)
        }
        return plain
    }
}
