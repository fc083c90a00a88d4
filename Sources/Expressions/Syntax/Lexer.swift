internal import FeatureModel

/// Cuts an expression's text into tokens.
struct Lexer {
    private let source: SourceText
    private var offset = 0

    private init(_ source: SourceText) { self.source = source }

    /// All tokens, with `end` as the last.
    ///
    /// - Complexity: O(bytes).
    /// - Throws: `.invalidArgument` for a character that begins no token, and for text or a name without its closing quote.
    static func tokens(of source: SourceText) throws(HeadwaterError) -> [Token] {
        var lexer = Lexer(source)
        var tokens: [Token] = []
        repeat { tokens.append(try lexer.next()) } while tokens[tokens.count - 1].kind != .end
        return tokens
    }

    private func byte(_ place: Int) -> UInt8 { place < source.bytes.count ? source.bytes[place] : 0 }

    private mutating func next() throws(HeadwaterError) -> Token {
        while offset < source.bytes.count, source.bytes[offset].isSpace { offset += 1 }
        let start = offset
        guard offset < source.bytes.count else { return Token(kind: .end, range: start..<start) }
        let kind = try kind()
        return Token(kind: kind, range: start..<offset)
    }

    private mutating func kind() throws(HeadwaterError) -> Token.Kind {
        let first = source.bytes[offset]
        if first.isDigit || first == UInt8(ascii: ".") && byte(offset + 1).isDigit { return try number() }
        if first.beginsName {
            let start = offset
            while offset < source.bytes.count, source.bytes[offset].continuesName { offset += 1 }
            return Keyword(source.bytes[start..<offset]).map { .keyword($0) } ?? .name
        }
        switch first {
        case UInt8(ascii: "'"):
            try quoted(first, "this text has no closing quote: end it with ', and write a quote within it as ''")
            return .text
        case UInt8(ascii: "\""):
            try quoted(first, "this name has no closing quote: end it with \", and write a quote within it as \"\"")
            return .quotedName
        default: return .symbol(try symbol(first))
        }
    }

    /// Skips what stands between two quotes, in which a quote is written twice.
    private mutating func quoted(_ quote: UInt8, _ message: String) throws(HeadwaterError) {
        let start = offset
        offset += 1
        while offset < source.bytes.count {
            offset += 1
            if source.bytes[offset - 1] == quote {
                if byte(offset) != quote { return }
                offset += 1
            }
        }
        throw source.error(at: start, message)
    }

    private mutating func number() throws(HeadwaterError) -> Token.Kind {
        let start = offset
        var kind = Token.Kind.integer
        while byte(offset).isDigit { offset += 1 }
        if byte(offset) == UInt8(ascii: ".") {
            kind = .float
            offset += 1
            while byte(offset).isDigit { offset += 1 }
        }
        if byte(offset).lowercased == UInt8(ascii: "e") {
            let sign = byte(offset + 1) == UInt8(ascii: "+") || byte(offset + 1) == UInt8(ascii: "-") ? 1 : 0
            if byte(offset + 1 + sign).isDigit {
                kind = .float
                offset += 1 + sign
                while byte(offset).isDigit { offset += 1 }
            }
        }
        if byte(offset).continuesName || byte(offset) == UInt8(ascii: ".") {
            throw source.error(
                at: start,
                "this is no number: write 12, 1.5 or 1e-3, and put a column's name that begins with a digit in \"quotes\"")
        }
        return kind
    }

    private mutating func symbol(_ first: UInt8) throws(HeadwaterError) -> Symbol {
        let second = byte(offset + 1)
        let pair = String(decoding: [first, second], as: UTF8.self)
        let double: Symbol? =
            switch pair {
            case "<>", "!=": .notEqual
            case "<=": .lessOrEqual
            case ">=": .greaterOrEqual
            case "==": .equal
            case "||": .concatenate
            default: nil
            }
        if let double {
            offset += 2
            return double
        }
        if pair == "--" {
            throw source.error(
                at: offset, "'--' begins a comment in SQL, and expressions have none: write a minus of a minus as - -")
        }
        if let single = Symbol(rawValue: String(decoding: [first], as: UTF8.self)) {
            offset += 1
            return single
        }
        throw source.error(at: offset, unexpected(first, second))
    }

    private func unexpected(_ first: UInt8, _ second: UInt8) -> String {
        switch first {
        case UInt8(ascii: "&"): "'&' is no operator: write and"
        case UInt8(ascii: "|"): "'|' is no operator: write or, or || to join texts"
        case UInt8(ascii: "!"): "'!' is no operator: write not, or <> for 'is not equal'"
        case UInt8(ascii: "^"): "'^' is no operator: write pow(x, y)"
        case UInt8(ascii: ":") where second == UInt8(ascii: ":"): "'::' is no operator: write cast(x as float64)"
        case UInt8(ascii: "["): "'[' is no operator: write list_at(list, 1) for a list's first element"
        case UInt8(ascii: "`"): "names are quoted as \"name\""
        default:
            "'\(PlainText.quoted(String(Unicode.Scalar(first))))' does not belong in an expression; quote a name that holds it as \"name\""
        }
    }
}
