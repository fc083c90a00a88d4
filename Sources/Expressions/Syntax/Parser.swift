import FeatureModel

/// Reads a text as an expression, by precedence climbing.
///
/// *Source*: Theodore Norvell, "Parsing Expressions by Recursive Descent", 1999.
struct Parser {
    private let text: ExpressionText
    private let tokens: [Token]
    private var next = 0
    private var depth = 0

    /// Levels that parts may be nested in: a bound on the stack that they are worked on with.
    private static let depthMax = 50
    /// Operators that may stand in a row, beside what they are nested in.
    private static let heightMax = 1_000
    /// Words that are no names.
    static let words: Set<String> = [
        "and", "or", "not", "is", "null", "in", "between", "case", "when", "then", "else", "end", "true", "false",
    ]

    /// - Throws: `.invalidArgument` that points to what cannot be read.
    static func parse(_ text: ExpressionText) throws(HeadwaterError) -> SyntaxNode {
        var parser = Parser(text: text, tokens: try Lexer.tokens(text))
        if parser.token.kind == .end { throw text.error("the expression is empty", at: 0) }
        let node = try parser.expression(.or)
        guard parser.token.kind == .end else { throw parser.unexpected("an operator or the end") }
        return node
    }

    private init(text: ExpressionText, tokens: [Token]) { (self.text, self.tokens) = (text, tokens) }

    private var token: Token { tokens[next] }

    private func unexpected(_ wanted: String) -> HeadwaterError {
        let found =
            switch token.kind {
            case .end: "the expression ends"
            case .integer(let value): "\(value) stands"
            case .negatedInteger: "9223372036854775808 stands"
            case .float(let value): "\(value) stands"
            case .text: "a text stands"
            case .word(let word), .quotedName(let word): "'\(ExpressionText.shown(word))' stands"
            case .symbol(let symbol): "'\(symbol)' stands"
            }
        return text.error("\(found) where \(wanted) was expected", at: token.offset)
    }

    private mutating func take(symbol: String) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        next += 1
        return true
    }

    private mutating func expect(symbol: String) throws(HeadwaterError) {
        guard take(symbol: symbol) else { throw unexpected("'\(symbol)'") }
    }

    private func isWord(_ word: String) -> Bool {
        if case .word(let found) = token.kind { found.lowercased() == word } else { false }
    }

    private mutating func take(word: String) -> Bool {
        guard isWord(word) else { return false }
        next += 1
        return true
    }

    private mutating func expect(word: String) throws(HeadwaterError) {
        guard take(word: word) else { throw unexpected("'\(word)'") }
    }

    private mutating func enter() throws(HeadwaterError) {
        depth += 1
        if depth > Self.depthMax { throw tooDeep(at: token.offset) }
    }

    private func tooDeep(at offset: Int) -> HeadwaterError {
        text.error("parts are nested more than \(Self.depthMax) deep: give some of them a feature of their own", at: offset)
    }

    private func node(_ syntax: Syntax, _ offset: Int) throws(HeadwaterError) -> SyntaxNode {
        let node = SyntaxNode(syntax: syntax, offset: offset)
        if node.nesting > Self.depthMax { throw tooDeep(at: offset) }
        guard node.height <= Self.heightMax else {
            throw text.error(
                "more than \(Self.heightMax) operators stand in a row: give some of them a feature of their own", at: offset)
        }
        return node
    }

    // MARK: Operators

    /// Operators of one level or tighter, from left to right.
    private mutating func expression(_ least: Precedence) throws(HeadwaterError) -> SyntaxNode {
        try enter()
        let outer = depth
        defer { depth = outer - 1 }
        var left = try operand(least)
        while true {
            let offset = token.offset
            if let found = binary, found.precedence >= least {
                next += 1
                let right = try expression(found.precedence.next)
                left = try node(.binary(found, left, right), offset)
                if found.precedence == .comparison, let again = binary, again.precedence == .comparison {
                    throw text.error("comparisons do not chain: put them together with and", at: token.offset)
                }
            } else if least <= .comparison, let test = try test(left, offset) {
                left = test
            } else {
                return left
            }
        }
    }

    private var binary: BinaryOperator? {
        switch token.kind {
        case .symbol("=="): .equal
        case .symbol("!="): .notEqual
        case .symbol(let symbol): BinaryOperator(rawValue: symbol)
        case .word(let word):
            switch word.lowercased() {
            case "and": .and
            case "or": .or
            default: nil
            }
        default: nil
        }
    }

    /// `is [not] null`, `[not] in (…)`, `[not] between … and …`.
    private mutating func test(_ left: SyntaxNode, _ offset: Int) throws(HeadwaterError) -> SyntaxNode? {
        if take(word: "is") {
            let negated = take(word: "not")
            guard take(word: "null") else { throw unexpected("'null'") }
            return try node(.isNull(left, negated: negated), offset)
        }
        let negated = isWord("not")
        if negated {
            guard case .word(let word) = tokens[next + 1].kind, ["in", "between"].contains(word.lowercased()) else { return nil }
            next += 1
        }
        if take(word: "in") {
            try expect(symbol: "(")
            let values = try list()
            if values.isEmpty { throw text.error("in takes at least one value", at: offset) }
            return try node(.isIn(left, values, negated: negated), offset)
        }
        if take(word: "between") {
            let low = try expression(.concatenation)
            try expect(word: "and")
            let high = try expression(.concatenation)
            return try node(.between(left, low, high, negated: negated), offset)
        }
        return nil
    }

    /// A value with its signs.
    private mutating func operand(_ least: Precedence) throws(HeadwaterError) -> SyntaxNode {
        let offset = token.offset
        if least <= .not, take(word: "not") {
            return try node(.unary(.not, expression(.not)), offset)
        }
        if take(symbol: "+") { return try expression(.sign) }
        guard take(symbol: "-") else { return try primary() }
        switch token.kind {
        // A literal's sign is its own: the least int64 has no other spelling.
        case .integer(let value):
            next += 1
            return try node(.integer(-value), offset)
        case .negatedInteger:
            next += 1
            return try node(.integer(.min), offset)
        case .float(let value):
            next += 1
            return try node(.float(-value), offset)
        default: return try node(.unary(.negate, try expression(.sign)), offset)
        }
    }

    // MARK: Values

    private mutating func primary() throws(HeadwaterError) -> SyntaxNode {
        let (kind, offset) = (token.kind, token.offset)
        func node(_ syntax: Syntax) throws(HeadwaterError) -> SyntaxNode { try self.node(syntax, offset) }
        switch kind {
        case .integer(let value):
            next += 1
            return try node(.integer(value))
        case .float(let value):
            next += 1
            return try node(.float(value))
        case .negatedInteger:
            throw text.error("9223372036854775808 does not fit int64: write 9223372036854775808.0 for a float64", at: offset)
        case .text(let value):
            next += 1
            return try node(.text(value))
        case .quotedName(let name):
            next += 1
            return try node(.name(name))
        case .symbol("("):
            next += 1
            let inner = try expression(.or)
            try expect(symbol: ")")
            return inner
        case .word(let word): return try worded(word, offset)
        default: throw unexpected("a value")
        }
    }

    private mutating func worded(_ word: String, _ offset: Int) throws(HeadwaterError) -> SyntaxNode {
        func node(_ syntax: Syntax) throws(HeadwaterError) -> SyntaxNode { try self.node(syntax, offset) }
        switch word.lowercased() {
        case "true", "false":
            next += 1
            return try node(.bool(word.lowercased() == "true"))
        case "null":
            next += 1
            return try node(.null)
        case "case":
            next += 1
            return try node(choice())
        case let lower where Self.words.contains(lower): throw unexpected("a value")
        default: break
        }
        next += 1
        guard take(symbol: "(") else { return try node(.name(word)) }
        let name = word.lowercased()
        if name == "cast" { return try node(cast()) }
        return try node(.call(name, list()))
    }

    /// Values up to the closing parenthesis.
    private mutating func list() throws(HeadwaterError) -> [SyntaxNode] {
        var values: [SyntaxNode] = []
        if take(symbol: ")") { return values }
        repeat { values.append(try expression(.or)) } while take(symbol: ",")
        guard take(symbol: ")") else { throw unexpected("',' or ')'") }
        return values
    }

    private mutating func cast() throws(HeadwaterError) -> Syntax {
        let value = try expression(.or)
        try expect(word: "as")
        let (offset, first) = (token.offset, token)
        guard case .word(var name) = first.kind else { throw unexpected("a type") }
        next += 1
        name = name.lowercased()
        if take(symbol: "(") {
            switch token.kind {
            case .word(let inner): name += "(\(inner.lowercased()))"
            case .integer(let length): name += "(\(length))"
            default: throw unexpected("a type or a length")
            }
            next += 1
            try expect(symbol: ")")
        }
        let type: FeatureType
        do { type = try FeatureType.parse(ExpressionText.shown(name)) } catch { throw text.error(error.message, at: offset) }
        try expect(symbol: ")")
        return .cast(value, type)
    }

    private mutating func choice() throws(HeadwaterError) -> Syntax {
        let operand = isWord("when") ? nil : try expression(.or)
        var branches: [(when: SyntaxNode, then: SyntaxNode)] = []
        while take(word: "when") {
            let when = try expression(.or)
            try expect(word: "then")
            branches.append((when, try expression(.or)))
        }
        if branches.isEmpty { throw unexpected("'when'") }
        let otherwise = take(word: "else") ? try expression(.or) : nil
        try expect(word: "end")
        return .choice(of: operand, branches, otherwise: otherwise)
    }
}
