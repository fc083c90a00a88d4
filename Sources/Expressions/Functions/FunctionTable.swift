import FeatureModel

/// A function of the expression language: how it is called, what it does, and an example that the tests evaluate.
package struct ExpressionFunction: Sendable {
    package enum Subject: String, Sendable, CaseIterable {
        case numbers = "Numbers"
        case choices = "Nulls and choices"
        case trigonometry = "Angles and places"
        case texts = "Texts"
        case times = "Times"
        case vectors = "Vectors"
        case lists = "Lists"
        case documents = "JSON"
        case hashes = "Hashes"
    }

    typealias Compile = @Sendable (inout Compiler, [SyntaxNode], Int) throws(HeadwaterError) -> Compiled

    package let name: String
    package let subject: Subject
    /// Such as `round(x [, digits])`.
    package let signature: String
    package let rule: String
    package let example: String
    /// What the example gives, as CSV spells it.
    package let result: String
    let arity: ClosedRange<Int>
    let compile: Compile

    init(
        _ name: String, _ subject: Subject, _ signature: String, _ rule: String, _ example: String, _ result: String,
        arity: ClosedRange<Int>, compile: @escaping Compile
    ) {
        (self.name, self.subject, self.signature, self.rule) = (name, subject, signature, rule)
        (self.example, self.result, self.arity, self.compile) = (example, result, arity, compile)
    }

    var arityText: String {
        if arity.upperBound == .max { return "at least \(Self.counted(arity.lowerBound))" }
        if arity.count == 1 { return Self.counted(arity.lowerBound) }
        return "\(arity.lowerBound) to \(Self.counted(arity.upperBound))"
    }

    private static func counted(_ count: Int) -> String { count == 0 ? "no value" : count == 1 ? "1 value" : "\(count) values" }
}

/// All functions: the type checker, `headwater help expressions` and docs/expressions.md are made from this one list.
package enum FunctionTable {
    package static let all: [ExpressionFunction] =
        numbers + choices + trigonometry + texts + times + vectors + lists + documents + hashes

    static let functions: [String: ExpressionFunction] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}

/// Arguments, checked.
extension Compiler {
    mutating func float(_ node: SyntaxNode, _ user: String) throws(HeadwaterError) -> Int {
        let compiled = try value(node)
        try expectNumber(compiled, user)
        return float(compiled)
    }

    mutating func integer(_ node: SyntaxNode, _ user: String) throws(HeadwaterError) -> Int {
        let compiled = try value(node)
        guard compiled.type?.isInteger ?? true else {
            throw error("\(user) takes an integer here, not \(compiled.type!)", at: node.offset)
        }
        return held(compiled, as: .int64)
    }

    /// A value of one type alone.
    mutating func typed(_ node: SyntaxNode, _ type: FeatureType, _ user: String) throws(HeadwaterError) -> Int {
        let compiled = try value(node)
        guard compiled.type == nil || compiled.type == type else {
            throw error("\(user) takes a \(type) here, not \(compiled.type!)", at: node.offset)
        }
        return held(compiled, as: type)
    }

    mutating func list(_ node: SyntaxNode, _ user: String) throws(HeadwaterError) -> (register: Int, element: FeatureType) {
        let compiled = try value(node)
        guard case .array(let element)? = compiled.type else {
            throw error("\(user) takes a list here, not \(compiled.type.map { "\($0)" } ?? "null")", at: node.offset)
        }
        return (compiled.register, element)
    }

    mutating func vector(_ node: SyntaxNode, _ user: String) throws(HeadwaterError) -> (register: Int, length: Int) {
        let compiled = try value(node)
        guard case .vector(let length)? = compiled.type else {
            throw error("\(user) takes a vector here, not \(compiled.type.map { "\($0)" } ?? "null")", at: node.offset)
        }
        return (compiled.register, length)
    }

    /// A text that is written out, as what depends on it is decided once.
    func literal(_ node: SyntaxNode, _ user: String, _ what: String) throws(HeadwaterError) -> String {
        guard case .text(let text) = node.syntax else {
            throw error("\(user) takes \(what) as a text that is written out", at: node.offset)
        }
        return text
    }
}
