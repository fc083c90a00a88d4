/// A piece of an expression's text.
struct Token: Sendable {
    enum Kind: Hashable, Sendable {
        /// Digits without a point or an exponent.
        case integer
        case float
        /// `'text'`, with its quotes.
        case text
        /// A bare word that is no keyword: a column, or a function before a parenthesis.
        case name
        /// `"column"`, with its quotes.
        case quotedName
        case keyword(Keyword)
        case symbol(Symbol)
        case end
    }

    let kind: Kind
    let range: Range<Int>
}

/// Words that name no column unless quoted. Their case does not matter.
enum Keyword: String, Hashable, Sendable, CaseIterable {
    case and, or, not, `is`, null, `in`, between, `case`, when, then, `else`, end, cast, `as`, `true`, `false`

    private static let byText = Dictionary(uniqueKeysWithValues: allCases.map { (Array($0.rawValue.utf8), $0) })

    init?(_ word: ArraySlice<UInt8>) {
        guard word.count <= 7, let keyword = Keyword.byText[word.map(\.lowercased)] else { return nil }
        self = keyword
    }
}

enum Symbol: String, Hashable, Sendable {
    case plus = "+"
    case minus = "-"
    case star = "*"
    case slash = "/"
    case percent = "%"
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case concatenate = "||"
    case open = "("
    case close = ")"
    case comma = ","
}

extension UInt8 {
    /// A to Z as a to z; other bytes as they are.
    var lowercased: UInt8 { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self }
    /// a to z as A to Z; other bytes as they are.
    var uppercased: UInt8 { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") ? self & ~0x20 : self }
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
    /// Whether a bare name may begin with the byte: a letter, `_`, or any byte of a character beyond ASCII.
    var beginsName: Bool {
        let lower = lowercased
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z") || self == UInt8(ascii: "_") || self >= 0x80
    }
    var continuesName: Bool { beginsName || isDigit }
    var isSpace: Bool { self == 0x20 || self >= 0x09 && self <= 0x0D }
}
