import FeatureModel

/// An expression as it is written, without types: what the parser makes of a text, and what canonical text is made of.
indirect enum Syntax: Sendable {
    case integer(Int64)
    case float(Double)
    case text(String)
    case bool(Bool)
    case null
    case name(String)
    case call(String, [SyntaxNode])
    case unary(UnaryOperator, SyntaxNode)
    case binary(BinaryOperator, SyntaxNode, SyntaxNode)
    case isNull(SyntaxNode, negated: Bool)
    case isIn(SyntaxNode, [SyntaxNode], negated: Bool)
    case between(SyntaxNode, SyntaxNode, SyntaxNode, negated: Bool)
    case choice(of: SyntaxNode?, [(when: SyntaxNode, then: SyntaxNode)], otherwise: SyntaxNode?)
    case cast(SyntaxNode, FeatureType)
}

/// A part of an expression, and where it stands in the text.
struct SyntaxNode: Sendable {
    let syntax: Syntax
    /// The byte at which it is pointed when something is wrong with it.
    let offset: Int
}

enum UnaryOperator: String, Sendable {
    case negate = "-"
    case not
}

enum BinaryOperator: String, Sendable {
    case or, and
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case concatenate = "||"
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"

    /// How tightly it binds.
    var precedence: Precedence {
        switch self {
        case .or: .or
        case .and: .and
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: .comparison
        case .concatenate: .concatenation
        case .add, .subtract: .sum
        case .multiply, .divide, .modulo: .product
        }
    }
}

/// From the loosest to the tightest.
enum Precedence: Int, Comparable, Sendable {
    case or, and, not, comparison, concatenation, sum, product, sign, primary

    static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }
    var next: Precedence { Precedence(rawValue: rawValue + 1) ?? .primary }
}
