import FeatureModel

/// The one text of an expression: words in lower case, one space around operators, no parentheses but those that are needed,
/// numbers in their shortest form. Reading it gives the same expression, whose text it is.
extension SyntaxNode {
    var canonicalText: String { text(.or) }

    /// - Parameter least: how tightly what stands there must bind to need no parentheses.
    private func text(_ least: Precedence) -> String {
        let (text, own) = written
        return own < least ? "(\(text))" : text
    }

    private var written: (String, Precedence) {
        switch syntax {
        case .integer(let value): (String(value), value < 0 ? .sign : .primary)
        case .float(let value): (Self.float(value), value.sign == .minus ? .sign : .primary)
        case .text(let value): (Self.quoted(value, "'"), .primary)
        case .bool(let value): (String(value), .primary)
        case .null: ("null", .primary)
        case .name(let name): (Self.name(name), .primary)
        case .call(let name, let arguments): ("\(name)(\(Self.list(arguments)))", .primary)
        case .unary(.not, let value): ("not \(value.text(.not))", .not)
        // A sign before a sign, or before a number that would take it, needs something between.
        case .unary(.negate, let value): ("-\(value.isNumber ? "(\(value.text(.or)))" : value.text(.primary))", .sign)
        case .binary(let binary, _, _): (rowText, binary.precedence)
        case .isNull(let value, let negated): ("\(value.text(.concatenation)) is \(negated ? "not " : "")null", .comparison)
        case .isIn(let value, let values, let negated):
            ("\(value.text(.concatenation)) \(negated ? "not " : "")in (\(Self.list(values)))", .comparison)
        case .between(let value, let low, let high, let negated):
            (
                "\(value.text(.concatenation)) \(negated ? "not " : "")between \(low.text(.concatenation)) and \(high.text(.concatenation))",
                .comparison
            )
        case .choice(let operand, let branches, let otherwise): (Self.choice(operand, branches, otherwise), .primary)
        case .cast(let value, let type): ("cast(\(value.text(.or)) as \(type))", .primary)
        }
    }

    /// Operators in a row, of which the first stands in the most parentheses.
    private var rowText: String {
        let (first, steps) = row
        var written = first.written
        var (opening, text) = (0, "")
        for step in steps {
            let precedence = step.operator.precedence
            let isInside = written.1 < (step.operator.isChainable ? precedence : precedence.next)
            let left = text.isEmpty ? written.0 : ""
            if isInside { opening += 1 }
            text += "\(left)\(isInside ? ")" : "") \(step.operator.rawValue) \(step.right.text(precedence.next))"
            written = ("", precedence)
        }
        return String(repeating: "(", count: opening) + text
    }

    private var isNumber: Bool {
        switch syntax {
        case .integer, .float: true
        default: false
        }
    }

    private static func list(_ nodes: [SyntaxNode]) -> String { nodes.map { $0.text(.or) }.joined(separator: ", ") }

    private static func choice(
        _ operand: SyntaxNode?, _ branches: [(when: SyntaxNode, then: SyntaxNode)], _ otherwise: SyntaxNode?
    ) -> String {
        var parts = ["case"]
        if let operand { parts.append(operand.text(.or)) }
        for branch in branches { parts.append("when \(branch.when.text(.or)) then \(branch.then.text(.or))") }
        if let otherwise { parts.append("else \(otherwise.text(.or))") }
        return (parts + ["end"]).joined(separator: " ")
    }

    /// The shortest digits that give the number back, always with a point or an exponent.
    private static func float(_ value: Double) -> String { value.description }

    private static func quoted(_ text: String, _ quote: Character) -> String {
        var quoted = String(quote)
        for character in text.unicodeScalars {
            quoted.unicodeScalars.append(character)
            if Character(character) == quote { quoted.append(quote) }
        }
        quoted.append(quote)
        return quoted
    }

    /// A name in quotes where it would read as something else.
    private static func name(_ name: String) -> String {
        let isPlain =
            !name.isEmpty && !Parser.words.contains(name.lowercased()) && !isDigit(name.utf8.first!)
            && name.utf8.allSatisfy { isLetter($0) || isDigit($0) }
        return isPlain ? name : quoted(name, "\"")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
    }
}

extension BinaryOperator {
    /// Whether `a op b op c` is read as `(a op b) op c`.
    var isChainable: Bool { precedence != .comparison }
}
