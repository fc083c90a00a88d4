internal import FeatureModel

/// The one text of an expression: keywords and functions in lower case, one space around operators, parentheses only where
/// they are needed, the shortest text of a number.
///
/// Parsed again it is the same tree, so two expressions are the same exactly where their canonical texts are.
enum CanonicalText {
    /// - Complexity: O(nodes × nesting + bytes).
    static func of(_ tree: SyntaxTree) -> String {
        var pieces: [Piece] = []
        pieces.reserveCapacity(tree.nodes.count)
        for node in tree.nodes { pieces.append(piece(of: node.kind, &pieces)) }
        return String(decoding: pieces[tree.root].text, as: UTF8.self)
    }

    private struct Piece {
        var text: [UInt8] = []
        let precedence: Precedence

        init(_ precedence: Precedence) { self.precedence = precedence }
        init(_ text: String, _ precedence: Precedence) {
            self.text = Array(text.utf8)
            self.precedence = precedence
        }

        mutating func append(_ more: String) { text.append(contentsOf: more.utf8) }
    }

    /// Takes a node's text out of the list, in parentheses where it binds weaker than `least`.
    private static func taken(_ place: SyntaxTree.Place, _ pieces: inout [Piece], _ least: Precedence) -> [UInt8] {
        let binds = pieces[place].precedence >= least
        var text: [UInt8] = []
        swap(&text, &pieces[place].text)
        if binds { return text }
        return [UInt8(ascii: "(")] + text + [UInt8(ascii: ")")]
    }

    private static func piece(of kind: SyntaxTree.Kind, _ pieces: inout [Piece]) -> Piece {
        switch kind {
        case .literal(let literal): return piece(of: literal)
        case .column(let name): return Piece(nameText(name), .primary)
        case .negative(let operand):
            var piece = Piece("-", .sign)
            let text = taken(operand, &pieces, .sign)
            // Two signs without a space would begin a comment in SQL.
            if text.first == UInt8(ascii: "-") { piece.append(" ") }
            piece.text += text
            return piece
        case .not(let operand):
            var piece = Piece("not ", .not)
            piece.text += taken(operand, &pieces, .not)
            return piece
        case .binary(let binary, let left, let right):
            let precedence = binary.precedence
            var piece = Piece(precedence)
            piece.text = taken(left, &pieces, binary.isComparison ? precedence.next : precedence)
            piece.append(" \(binary.rawValue) ")
            piece.text += taken(right, &pieces, precedence.next)
            return piece
        case .isNull(let operand, let negated):
            var piece = Piece(.isNull)
            piece.text = taken(operand, &pieces, .isNull)
            piece.append(negated ? " is not null" : " is null")
            return piece
        case .isIn(let operand, let members, let negated):
            var piece = Piece(.membership)
            piece.text = taken(operand, &pieces, .concatenation)
            piece.append(negated ? " not in (" : " in (")
            append(list: members, to: &piece, &pieces)
            return piece
        case .between(let operand, let low, let high, let negated):
            var piece = Piece(.membership)
            piece.text = taken(operand, &pieces, .concatenation)
            piece.append(negated ? " not between " : " between ")
            piece.text += taken(low, &pieces, .concatenation)
            piece.append(" and ")
            piece.text += taken(high, &pieces, .concatenation)
            return piece
        case .choice(let subject, let branches, let otherwise):
            var piece = Piece("case", .primary)
            if let subject {
                piece.append(" ")
                piece.text += taken(subject, &pieces, .or)
            }
            for (when, then) in branches {
                piece.append(" when ")
                piece.text += taken(when, &pieces, .or)
                piece.append(" then ")
                piece.text += taken(then, &pieces, .or)
            }
            if let otherwise {
                piece.append(" else ")
                piece.text += taken(otherwise, &pieces, .or)
            }
            piece.append(" end")
            return piece
        case .cast(let operand, let type):
            var piece = Piece("cast(", .primary)
            piece.text += taken(operand, &pieces, .or)
            piece.append(" as \(type))")
            return piece
        case .call(let name, let arguments):
            var piece = Piece("\(name)(", .primary)
            append(list: arguments, to: &piece, &pieces)
            return piece
        }
    }

    private static func append(list: [SyntaxTree.Place], to piece: inout Piece, _ pieces: inout [Piece]) {
        for (index, place) in list.enumerated() {
            if index > 0 { piece.append(", ") }
            piece.text += taken(place, &pieces, .or)
        }
        piece.append(")")
    }

    private static func piece(of literal: SyntaxTree.Literal) -> Piece {
        switch literal {
        case .null: return Piece("null", .primary)
        case .bool(let value): return Piece(value ? "true" : "false", .primary)
        case .integer(let number): return Piece("\(number)", number < 0 ? .sign : .primary)
        case .float(let number): return Piece("\(number)", number.sign == .minus ? .sign : .primary)
        case .text(let bytes):
            var piece = Piece(.primary)
            piece.text = quoted(bytes, UInt8(ascii: "'"))
            return piece
        }
    }

    /// A column's name as expressions write it: quoted where it is no bare name.
    static func nameText(_ name: String) -> String {
        let bytes = Array(name.utf8)
        if let first = bytes.first, first.beginsName, bytes.allSatisfy(\.continuesName), Keyword(bytes[...]) == nil {
            return name
        }
        return String(decoding: quoted(bytes, UInt8(ascii: "\"")), as: UTF8.self)
    }

    private static func quoted(_ bytes: [UInt8], _ quote: UInt8) -> [UInt8] {
        var text = [quote]
        for byte in bytes {
            text.append(byte)
            if byte == quote { text.append(quote) }
        }
        return text + [quote]
    }
}
