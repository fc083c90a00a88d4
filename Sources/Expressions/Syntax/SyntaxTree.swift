internal import FeatureModel

/// An expression as it was parsed.
///
/// Nodes stand behind the nodes that they are made of and the last one is the whole, so that whatever walks the tree goes
/// through a list: no depth of an expression is a depth of calls.
struct SyntaxTree: Sendable {
    typealias Place = Int

    struct Node: Sendable {
        let kind: Kind
        /// Where in the text an error about this node points.
        let offset: Int
    }

    enum Kind: Sendable {
        case literal(Literal)
        case column(String)
        case negative(Place)
        case not(Place)
        case binary(BinaryOperator, Place, Place)
        case isNull(Place, negated: Bool)
        case isIn(Place, [Place], negated: Bool)
        case between(Place, Place, Place, negated: Bool)
        /// `case subject when … then … else … end`; the branches are pairs.
        case choice(subject: Place?, branches: [(when: Place, then: Place)], otherwise: Place?)
        case cast(Place, FeatureType)
        /// A function by its name in lower case.
        case call(String, [Place])
    }

    enum Literal: Hashable, Sendable {
        case null
        case bool(Bool)
        case integer(Int64)
        case float(Double)
        case text([UInt8])
    }

    var nodes: [Node] = []
    var root: Place { nodes.count - 1 }
}

enum BinaryOperator: String, Hashable, Sendable {
    case or, and
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case concatenate = "||"
    case plus = "+"
    case minus = "-"
    case times = "*"
    case divide = "/"
    case remainder = "%"

    var precedence: Precedence {
        switch self {
        case .or: .or
        case .and: .and
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: .comparison
        case .concatenate: .concatenation
        case .plus, .minus: .sum
        case .times, .divide, .remainder: .product
        }
    }

    var isComparison: Bool { precedence == .comparison }
}

/// How strongly operators bind, as in PostgreSQL.
enum Precedence: Int, Comparable {
    case or, and, not, isNull, comparison, membership, concatenation, sum, product, sign, primary

    static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }
    /// The next stronger one.
    var next: Precedence { Precedence(rawValue: rawValue + 1) ?? .primary }
}
