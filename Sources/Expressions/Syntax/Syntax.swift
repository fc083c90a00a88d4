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
    /// How many nodes stand one in another at most, it included: taking a tree apart needs stack for each.
    let height: Int
    /// The same, but that operators in a row count as one: they are worked on without recursion.
    let nesting: Int

    init(syntax: Syntax, offset: Int) {
        (self.syntax, self.offset) = (syntax, offset)
        var (height, nesting) = (0, 0)
        func contains(_ node: SyntaxNode) { (height, nesting) = (max(height, node.height), max(nesting, node.nesting)) }
        switch syntax {
        case .integer, .float, .text, .bool, .null, .name: break
        case .call(_, let arguments): arguments.forEach(contains)
        case .unary(_, let value), .isNull(let value, negated: _), .cast(let value, _): contains(value)
        case .binary(_, let left, let right):
            contains(left)
            // As the row goes on to the left, its nesting is counted already.
            if case .binary = left.syntax { nesting -= 1 }
            contains(right)
        case .isIn(let value, let values, negated: _): ([value] + values).forEach(contains)
        case .between(let value, let low, let high, negated: _): [value, low, high].forEach(contains)
        case .choice(let operand, let branches, let otherwise):
            (branches.flatMap { [$0.when, $0.then] } + [operand, otherwise].compactMap { $0 }).forEach(contains)
        }
        (self.height, self.nesting) = (height + 1, nesting + 1)
    }

    /// Operators in a row from the left: the first operand, and each operator with what stands behind it.
    var row: (first: SyntaxNode, steps: [(operator: BinaryOperator, node: SyntaxNode, right: SyntaxNode)]) {
        var (first, steps) = (self, [(operator: BinaryOperator, node: SyntaxNode, right: SyntaxNode)]())
        while case .binary(let binary, let left, let right) = first.syntax {
            steps.append((binary, first, right))
            first = left
        }
        return (first, steps.reversed())
    }
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
