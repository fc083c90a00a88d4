import FeatureModel

/// A piece of an expression's text.
struct Token: Sendable {
    enum Kind: Equatable, Sendable {
        case integer(Int64)
        /// 2^63, which is an integer behind a minus sign alone.
        case negatedInteger
        case float(Double)
        case text(String)
        /// A name, or a word of the language: those are compared in lower case.
        case word(String)
        /// A name in double quotes, which is never a word of the language.
        case quotedName(String)
        case symbol(String)
        case end
    }

    let kind: Kind
    let offset: Int
}

/// Cuts a text into tokens. White space separates, and `--` begins a comment that ends with the line.
struct Lexer {
    private let text: ExpressionText
    private var next = 0

    init(_ text: ExpressionText) { self.text = text }

    private var bytes: [UInt8] { text.bytes }
    private func byte(_ ahead: Int = 0) -> UInt8? { next + ahead < bytes.count ? bytes[next + ahead] : nil }

    static func tokens(_ text: ExpressionText) throws(HeadwaterError) -> [Token] {
        var lexer = Lexer(text)
        var tokens: [Token] = []
        repeat { tokens.append(try lexer.token()) } while tokens.last?.kind != .end
        return tokens
    }

    private mutating func token() throws(HeadwaterError) -> Token {
        skipSpace()
        let start = next
        guard let first = byte() else { return Token(kind: .end, offset: start) }
        let kind: Token.Kind =
            switch first {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
            case UInt8(ascii: "."): try byte(1).map(isDigit) == true ? number() : symbol()
            case UInt8(ascii: "'"): .text(try quoted("'", "a text"))
            case UInt8(ascii: "\""): .quotedName(try quoted("\"", "a quoted name"))
            case _ where Self.isLetter(first): .word(word())
            default: try symbol()
            }
        return Token(kind: kind, offset: start)
    }

    private mutating func skipSpace() {
        while let byte = byte() {
            if byte == UInt8(ascii: "-"), self.byte(1) == UInt8(ascii: "-") {
                while let byte = self.byte(), byte != UInt8(ascii: "\n") { next += 1 }
            } else if byte == 32 || (9...13).contains(byte) {
                next += 1
            } else {
                return
            }
        }
    }

    /// Letters of every script: what is not ASCII stands in names alone.
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || byte == UInt8(ascii: "_") || byte >= 0x80
    }

    private mutating func word() -> String {
        let start = next
        while let byte = byte(), Self.isLetter(byte) || isDigit(byte) { next += 1 }
        return String(decoding: bytes[start..<next], as: UTF8.self)
    }

    private mutating func digits() { while let byte = byte(), isDigit(byte) { next += 1 } }

    private mutating func number() throws(HeadwaterError) -> Token.Kind {
        let start = next
        digits()
        var isWhole = true
        if byte() == UInt8(ascii: ".") {
            isWhole = false
            next += 1
            digits()
        }
        if let e = byte(), e | 0x20 == UInt8(ascii: "e") {
            let sign = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-") ? 1 : 0
            if let digit = byte(1 + sign), isDigit(digit) {
                isWhole = false
                next += 1 + sign
                digits()
            }
        }
        if let byte = byte(), Self.isLetter(byte) {
            throw text.error("a number ends before a letter: put a space or an operator between them", at: next)
        }
        let written = String(decoding: bytes[start..<next], as: UTF8.self)
        if isWhole {
            if let integer = Int64(written) { return .integer(integer) }
            if written == "9223372036854775808" { return .negatedInteger }
            let shown = ExpressionText.shown(written)
            throw text.error("\(shown) does not fit int64: write \(shown).0 for a float64", at: start)
        }
        guard let float = Double(written), float.isFinite else {
            throw text.error("\(ExpressionText.shown(written)) is beyond the greatest float64", at: start)
        }
        return .float(float)
    }

    /// A text in quotes; two quotes stand for one.
    private mutating func quoted(_ quote: Unicode.Scalar, _ what: String) throws(HeadwaterError) -> String {
        let (start, mark) = (next, UInt8(ascii: quote))
        var content: [UInt8] = []
        next += 1
        while let byte = byte() {
            next += 1
            if byte == mark {
                guard self.byte() == mark else { return String(decoding: content, as: UTF8.self) }
                next += 1
            }
            content.append(byte)
        }
        throw text.error("\(what) has no end: close it with \(quote)", at: start)
    }

    private static let symbols = ["<=", ">=", "<>", "!=", "==", "||", "(", ")", ",", "+", "-", "*", "/", "%", "<", ">", "="]

    private mutating func symbol() throws(HeadwaterError) -> Token.Kind {
        for symbol in Self.symbols where bytes[next...].starts(with: symbol.utf8) {
            next += symbol.utf8.count
            return .symbol(symbol)
        }
        let scalar = String(decoding: bytes[next...].prefix(4), as: UTF8.self).unicodeScalars.first.map(String.init) ?? "?"
        let hint =
            switch scalar {
            case "&": "; write and"
            case "|": "; write or, or || to put texts together"
            case "!": "; write not"
            case "^": "; write pow(x, y)"
            case ";": "; an expression is one value, without an end mark"
            default: ""
            }
        throw text.error("'\(ExpressionText.shown(scalar))' means nothing here\(hint)", at: next)
    }
}
