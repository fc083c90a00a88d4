internal import FeatureModel

/// Makes a tree of an expression's text, by precedence climbing.
///
/// Only what nests in the text nests in calls, and that is bounded.
struct Parser {
    let source: SourceText
    private let tokens: [Token]
    private var next = 0
    private var nesting = 0
    private var tree = SyntaxTree()

    /// - Throws: `.invalidArgument` that shows the place, and says what is wrong there and what to do.
    static func parse(_ source: SourceText) throws(HeadwaterError) -> SyntaxTree {
        guard source.bytes.count <= Limits.expressionBytesMax else {
            throw HeadwaterError(
                .invalidArgument,
                "an expression of \(source.bytes.count) bytes: the limit is \(Limits.expressionBytesMax); make features of its parts"
            )
        }
        var parser = Parser(source, try Lexer.tokens(of: source))
        if parser.token.kind == .end { throw source.error(at: 0, "the expression is empty: write one such as amount / 2") }
        _ = try parser.expression(.or)
        guard parser.token.kind == .end else { throw parser.leftOver() }
        return parser.tree
    }

    private init(_ source: SourceText, _ tokens: [Token]) {
        self.source = source
        self.tokens = tokens
    }

    // MARK: Tokens

    private var token: Token { tokens[next] }
    private func text(_ token: Token) -> String { String(decoding: source.bytes[token.range], as: UTF8.self) }
    private func shown(_ token: Token) -> String {
        token.kind == .end ? "the end" : "'\(PlainText.quoted(String(text(token).prefix(40))))'"
    }
    private func error(_ message: String) -> HeadwaterError { source.error(at: token.range.lowerBound, message) }

    private mutating func take(_ symbol: Symbol) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        next += 1
        return true
    }

    private mutating func take(_ keyword: Keyword) -> Bool {
        guard token.kind == .keyword(keyword) else { return false }
        next += 1
        return true
    }

    private mutating func expect(_ symbol: Symbol, _ what: String) throws(HeadwaterError) {
        if !take(symbol) { throw error("expected '\(symbol.rawValue)' \(what), not \(shown(token))") }
    }

    private mutating func expect(_ keyword: Keyword, _ what: String) throws(HeadwaterError) {
        if !take(keyword) { throw error("expected '\(keyword.rawValue)' \(what), not \(shown(token))") }
    }

    private mutating func add(_ kind: SyntaxTree.Kind, at offset: Int) throws(HeadwaterError) -> SyntaxTree.Place {
        guard tree.nodes.count < Limits.expressionNodesMax else {
            throw source.error(
                at: offset,
                "more than \(Limits.expressionNodesMax) literals, columns, operators and calls in one expression: "
                    + "make features of its parts")
        }
        tree.nodes.append(SyntaxTree.Node(kind: kind, offset: offset))
        return tree.root
    }

    private func leftOver() -> HeadwaterError {
        switch token.kind {
        case .symbol(.close): error("this ')' closes nothing: take it away, or open it before")
        case .symbol(.comma): error("a ',' stands only between a function's arguments and in the list of 'in'")
        default: error("expected an operator or the end, not \(shown(token))")
        }
    }

    // MARK: Operators

    /// What follows, as far as its operators bind as strongly as `least`.
    private mutating func expression(_ least: Precedence) throws(HeadwaterError) -> SyntaxTree.Place {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Limits.expressionNestingMax else {
            throw error("more than \(Limits.expressionNestingMax) levels of nesting: make features of the inner parts")
        }
        var left = try prefixed(least)
        // How strongly the last operator bound: a stronger one behind it would need it in parentheses.
        var last = Precedence.primary
        while let (precedence, isNegated) = infix(), precedence >= least {
            let offset = token.range.lowerBound
            let isChained = precedence == last && (precedence == .comparison || precedence == .membership)
            if precedence > last || isChained {
                throw error(
                    precedence == .comparison && isChained
                        ? "comparisons do not follow one another: write a < b and b < c"
                        : "\(shown(token)) would take only a part of what stands before it: put that, or the part, in parentheses"
                )
            }
            last = precedence
            if isNegated { next += 1 }
            switch token.kind {
            case .keyword(.is):
                next += 1
                let negated = take(.not)
                try expect(.null, "behind 'is\(negated ? " not" : "")'")
                left = try add(.isNull(left, negated: negated), at: offset)
            case .keyword(.in): left = try membership(left, negated: isNegated, at: offset)
            case .keyword(.between):
                next += 1
                let low = try expression(.concatenation)
                try expect(.and, "between the two ends of 'between'")
                let high = try expression(.concatenation)
                left = try add(.between(left, low, high, negated: isNegated), at: offset)
            default:
                let binary = binaryOperator()!
                next += 1
                let right = try expression(precedence.next)
                left = try add(.binary(binary, left, right), at: offset)
            }
        }
        return left
    }

    /// The operator that comes next between two operands, or behind one.
    private func infix() -> (Precedence, isNegated: Bool)? {
        switch token.kind {
        case .keyword(.is): return (.isNull, false)
        case .keyword(.in), .keyword(.between): return (.membership, false)
        case .keyword(.not):
            let after = tokens[next + 1].kind
            return after == .keyword(.in) || after == .keyword(.between) ? (.membership, true) : nil
        default: return binaryOperator().map { ($0.precedence, false) }
        }
    }

    private func binaryOperator() -> BinaryOperator? {
        switch token.kind {
        case .keyword(.and): .and
        case .keyword(.or): .or
        case .symbol(let symbol): BinaryOperator(rawValue: symbol.rawValue)
        default: nil
        }
    }

    private mutating func membership(
        _ left: SyntaxTree.Place, negated: Bool, at offset: Int
    ) throws(HeadwaterError) -> SyntaxTree.Place {
        next += 1
        try expect(.open, "behind 'in'")
        var members: [SyntaxTree.Place] = []
        repeat { members.append(try expression(.or)) } while take(.comma)
        try expect(.close, "behind the list of 'in'")
        return try add(.isIn(left, members, negated: negated), at: offset)
    }

    private mutating func prefixed(_ least: Precedence) throws(HeadwaterError) -> SyntaxTree.Place {
        let offset = token.range.lowerBound
        if token.kind == .keyword(.not) {
            guard least <= .not else { throw error("'not' binds weaker than the operator before it: write (not …)") }
            next += 1
            return try add(.not(try expression(.not)), at: offset)
        }
        if take(.minus) {
            if token.kind == .integer && Int64(text(token)) == nil && Int64("-" + text(token)) == .min {
                next += 1
                return try add(.literal(.integer(.min)), at: offset)
            }
            let operand = try expression(.sign)
            // A literal with a sign is a literal, however it was written.
            if case .literal(let literal) = tree.nodes[operand].kind, operand == tree.root, let opposite = literal.opposite {
                tree.nodes[operand] = SyntaxTree.Node(kind: .literal(opposite), offset: offset)
                return operand
            }
            return try add(.negative(operand), at: offset)
        }
        if take(.plus) { throw source.error(at: offset, "a '+' stands between two numbers: leave out this one") }
        return try primary()
    }

    // MARK: Operands

    private mutating func primary() throws(HeadwaterError) -> SyntaxTree.Place {
        let first = token
        let offset = first.range.lowerBound
        switch first.kind {
        case .integer:
            guard let number = Int64(text(first)) else {
                throw error("\(text(first).prefix(40)) does not fit int64: write \(text(first).prefix(40)).0 for a float64")
            }
            next += 1
            return try add(.literal(.integer(number)), at: offset)
        case .float:
            guard let number = Double(text(first).hasSuffix(".") ? text(first) + "0" : text(first)), number.isFinite else {
                throw error("this number lies outside float64's range")
            }
            next += 1
            return try add(.literal(.float(number)), at: offset)
        case .text:
            next += 1
            return try add(.literal(.text(unquoted(first))), at: offset)
        case .quotedName:
            next += 1
            let name = unquoted(first)
            if name.isEmpty {
                throw source.error(at: offset, "a column's name is missing between the quotes; text stands in 'single' ones")
            }
            return try add(.column(String(decoding: name, as: UTF8.self)), at: offset)
        case .name:
            next += 1
            if token.kind == .symbol(.open) { return try call(first) }
            return try add(.column(text(first)), at: offset)
        case .symbol(.open):
            next += 1
            let inner = try expression(.or)
            try expect(.close, "to close the '(' at character \(offset + 1)")
            return inner
        case .keyword(let keyword): return try keyworded(keyword, at: offset)
        case .end: throw error("the expression ends where a value should follow")
        case .symbol: throw error("expected a value, not \(shown(first))")
        }
    }

    private mutating func keyworded(_ keyword: Keyword, at offset: Int) throws(HeadwaterError) -> SyntaxTree.Place {
        switch keyword {
        case .null:
            next += 1
            return try add(.literal(.null), at: offset)
        case .true, .false:
            next += 1
            return try add(.literal(.bool(keyword == .true)), at: offset)
        case .case:
            next += 1
            return try choice(at: offset)
        case .cast:
            next += 1
            try expect(.open, "behind 'cast'")
            let value = try expression(.or)
            try expect(.as, "and a type behind the value of 'cast'")
            let type = try type()
            try expect(.close, "behind the type of 'cast'")
            return try add(.cast(value, type), at: offset)
        default:
            throw error(
                "'\(keyword.rawValue)' is a word of the language: expected a value; quote a column of that name as \"\(keyword.rawValue)\""
            )
        }
    }

    private mutating func choice(at offset: Int) throws(HeadwaterError) -> SyntaxTree.Place {
        let subject = token.kind == .keyword(.when) ? nil : try expression(.or)
        var branches: [(when: SyntaxTree.Place, then: SyntaxTree.Place)] = []
        repeat {
            try expect(.when, branches.isEmpty ? "behind 'case'" : "in 'case'")
            let when = try expression(.or)
            try expect(.then, "behind the condition of 'when'")
            branches.append((when, try expression(.or)))
        } while token.kind == .keyword(.when)
        let otherwise = take(.else) ? try expression(.or) : nil
        try expect(.end, "to close the 'case' at character \(offset + 1)")
        return try add(.choice(subject: subject, branches: branches, otherwise: otherwise), at: offset)
    }

    private mutating func type() throws(HeadwaterError) -> FeatureType {
        let start = token.range.lowerBound
        guard token.kind == .name else { throw error("expected a type such as float64, not \(shown(token))") }
        var name = text(token).lowercased()
        next += 1
        if take(.open) {
            name += "(" + text(token).lowercased() + ")"
            next += 1
            try expect(.close, "behind the type")
        }
        do { return try FeatureType.parse(name) } catch { throw source.error(at: start, error.message) }
    }

    private mutating func call(_ name: Token) throws(HeadwaterError) -> SyntaxTree.Place {
        next += 1
        var arguments: [SyntaxTree.Place] = []
        if !take(.close) {
            repeat { arguments.append(try expression(.or)) } while take(.comma)
            try expect(.close, "behind the arguments of \(text(name).prefix(40))")
        }
        let lowered = String(decoding: source.bytes[name.range].map(\.lowercased), as: UTF8.self)
        return try add(.call(lowered, arguments), at: name.range.lowerBound)
    }

    private func unquoted(_ token: Token) -> [UInt8] {
        let inner = source.bytes[token.range].dropFirst().dropLast()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(inner.count)
        var place = inner.startIndex
        while place < inner.endIndex {
            bytes.append(inner[place])
            place += inner[place] == source.bytes[token.range.lowerBound] ? 2 : 1
        }
        return bytes
    }
}

extension SyntaxTree.Literal {
    /// The number with the other sign; `nil` for what is none, and for the one that has none.
    var opposite: SyntaxTree.Literal? {
        switch self {
        case .integer(let number): number == .min ? nil : .integer(-number)
        case .float(let number): .float(-number)
        default: nil
        }
    }
}
