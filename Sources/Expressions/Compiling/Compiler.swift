import FeatureModel

/// A part of an expression that is compiled: the register that will hold it, and its type.
struct Compiled {
    let register: Int
    /// `nil` for a null that is written out: it is of whatever type is wanted.
    let type: FeatureType?
    let offset: Int
}

/// Checks an expression's types and makes its program, from the inputs to the output.
///
/// Equal parts become one instruction, and what has only constants as inputs is worked out here, unless it gives null: that is
/// counted each time.
struct Compiler {
    let text: ExpressionText
    let scope: ExpressionScope
    private(set) var program = Program()
    /// Columns of the scope that the program reads, in the order of its inputs.
    private(set) var inputs: [Int] = []
    private var known: [Instruction: Int] = [:]

    init(_ text: ExpressionText, _ scope: ExpressionScope) { (self.text, self.scope) = (text, scope) }

    /// - Returns: the type of what the program gives.
    mutating func compile(_ root: SyntaxNode) throws(HeadwaterError) -> FeatureType {
        let compiled = try value(root)
        guard let type = compiled.type else {
            throw error("the expression is always null: give it a type, as in cast(null as float64)", at: root.offset)
        }
        program.output = compiled.register
        return type
    }

    func error(_ message: String, at offset: Int) -> HeadwaterError { text.error(message, at: offset) }

    // MARK: Instructions

    mutating func emit(_ operation: Operation, _ inputs: [Int], _ type: FeatureType) -> Int {
        let instruction = Instruction(operation: operation, inputs: inputs, type: type)
        if let register = known[instruction] { return register }
        if !inputs.isEmpty, let folded = folded(instruction) { return constant(folded, type) }
        program.instructions.append(instruction)
        known[instruction] = program.instructions.count - 1
        return program.instructions.count - 1
    }

    mutating func constant(_ value: Value, _ type: FeatureType) -> Int { emit(.constant(value), [], type) }

    /// What an instruction gives whose inputs are all constants.
    private func folded(_ instruction: Instruction) -> Value? {
        var small = Program()
        for input in instruction.inputs {
            guard case .constant = program.instructions[input].operation else { return nil }
            small.instructions.append(program.instructions[input])
        }
        let inputs = Array(instruction.inputs.indices)
        small.instructions.append(Instruction(operation: instruction.operation, inputs: inputs, type: instruction.type))
        small.output = inputs.count
        let evaluation = Evaluation(small, rowsMax: 1)
        evaluation.run(1)
        let value = evaluation.value(of: small.output, as: instruction.type, at: 0)
        return value.isNull ? nil : value
    }

    /// The same value as a float.
    mutating func float(_ value: Compiled) -> Int {
        guard let type = value.type else { return constant(.null, .float64) }
        return type.isFloat ? value.register : emit(.toFloat, [value.register], .float64)
    }

    /// The same value held as another type wants it, which is its own or one that both have in common.
    mutating func held(_ value: Compiled, as type: FeatureType) -> Int {
        guard let own = value.type else { return constant(.null, type) }
        return own.isInteger && type.isFloat ? emit(.toFloat, [value.register], .float64) : value.register
    }

    // MARK: Parts

    mutating func value(_ node: SyntaxNode) throws(HeadwaterError) -> Compiled {
        func done(_ register: Int, _ type: FeatureType?) -> Compiled {
            Compiled(register: register, type: type, offset: node.offset)
        }
        switch node.syntax {
        case .integer(let value): return done(constant(.int64(value), .int64), .int64)
        case .float(let value): return done(constant(.float64(value), .float64), .float64)
        case .text(let value): return done(constant(.string(ByteString(value)), .string), .string)
        case .bool(let value): return done(constant(.bool(value), .bool), .bool)
        case .null: return done(constant(.null, .bool), nil)
        case .name(let name): return try column(name, at: node.offset)
        case .call(let name, let arguments): return try call(name, arguments, at: node.offset)
        case .unary(.not, let inner):
            return done(emit(.logic(.not), [try bool(inner, "not")], .bool), .bool)
        case .unary(.negate, let inner):
            return try arithmetic(.negate, .negate, [try value(inner)], "-", at: node.offset)
        case .binary:
            let (first, steps) = node.row
            var left = try value(first)
            for step in steps { left = try apply(step.operator, left, try value(step.right), at: step.node.offset) }
            return left
        case .isNull(let inner, let negated):
            let isNull = emit(.isNull, [try value(inner).register], .bool)
            return done(negated ? emit(.logic(.not), [isNull], .bool) : isNull, .bool)
        case .isIn(let inner, let values, let negated):
            let inner = try value(inner)
            var found: Int?
            for candidate in values {
                let isEqual = try compare(.equal, inner, try value(candidate), at: candidate.offset).register
                found = found.map { emit(.logic(.or), [$0, isEqual], .bool) } ?? isEqual
            }
            return done(negated ? emit(.logic(.not), [found!], .bool) : found!, .bool)
        case .between(let inner, let low, let high, let negated):
            let inner = try value(inner)
            let above = try compare(.greaterOrEqual, inner, try value(low), at: low.offset).register
            let below = try compare(.lessOrEqual, inner, try value(high), at: high.offset).register
            let isBetween = emit(.logic(.and), [above, below], .bool)
            return done(negated ? emit(.logic(.not), [isBetween], .bool) : isBetween, .bool)
        case .choice(let operand, let branches, let otherwise): return try choice(operand, branches, otherwise, at: node.offset)
        case .cast(let inner, let type): return try cast(try value(inner), to: type, at: node.offset)
        }
    }

    private mutating func column(_ name: String, at offset: Int) throws(HeadwaterError) -> Compiled {
        guard let index = scope.columns.firstIndex(where: { $0.name == name }) else {
            let names = scope.columns.map(\.name)
            var hint =
                names.isEmpty
                ? "; there are no columns here"
                : "; there are \(names.prefix(12).joined(separator: ", "))\(names.count > 12 ? ", …" : "")"
            if let near = Suggestion.near(name, in: names) { hint = "; did you mean '\(near)'?" }
            if FunctionTable.functions[name.lowercased()] != nil {
                hint = "; a function is called with parentheses: \(name.lowercased())(…)"
            }
            throw error("there is no column '\(ExpressionText.shown(name))'\(hint)", at: offset)
        }
        return Compiled(register: input(index), type: scope.columns[index].type, offset: offset)
    }

    private mutating func slot(_ index: Int) -> Int {
        if let known = inputs.firstIndex(of: index) { return known }
        inputs.append(index)
        return inputs.count - 1
    }

    private mutating func input(_ index: Int) -> Int { emit(.input(slot(index)), [], scope.columns[index].type) }

    /// `found(column)`.
    mutating func found(_ node: SyntaxNode) throws(HeadwaterError) -> Compiled {
        guard scope.hasStatuses else {
            throw error("found(…) stands in feature services alone: write 'is not null' here", at: node.offset)
        }
        guard case .name(let name) = node.syntax else { throw error("found takes the name of a column", at: node.offset) }
        _ = try column(name, at: node.offset)
        let index = scope.columns.firstIndex { $0.name == name }!
        return Compiled(register: emit(.found(slot(index)), [], .bool), type: .bool, offset: node.offset)
    }

    private mutating func call(_ name: String, _ arguments: [SyntaxNode], at offset: Int) throws(HeadwaterError) -> Compiled {
        guard let function = FunctionTable.functions[name] else {
            var hint = ": 'headwater help expressions' lists them all"
            if let near = Suggestion.near(name, in: FunctionTable.functions.keys.sorted()) { hint = ": did you mean \(near)?" }
            throw error("there is no function \(ExpressionText.shown(name))\(hint)", at: offset)
        }
        guard function.arity.contains(arguments.count) else {
            throw error("\(name) takes \(function.arityText), not \(arguments.count): \(function.signature)", at: offset)
        }
        return try function.compile(&self, arguments, offset)
    }

    // MARK: Choices

    private mutating func choice(
        _ operand: SyntaxNode?, _ branches: [(when: SyntaxNode, then: SyntaxNode)], _ otherwise: SyntaxNode?, at offset: Int
    ) throws(HeadwaterError) -> Compiled {
        let subject: Compiled? = if let operand { try value(operand) } else { nil }
        var conditions: [Int] = []
        var values: [Compiled] = []
        for branch in branches {
            if let subject {
                conditions.append(try compare(.equal, subject, try value(branch.when), at: branch.when.offset).register)
            } else {
                conditions.append(try bool(branch.when, "when"))
            }
            values.append(try value(branch.then))
        }
        values.append(try otherwise.map { (node) throws(HeadwaterError) in try value(node) } ?? null(at: offset))
        return try choose(conditions, values, at: offset)
    }

    mutating func null(at offset: Int) -> Compiled { Compiled(register: constant(.null, .bool), type: nil, offset: offset) }

    /// The value that belongs to the first condition that is true, or the last one.
    mutating func choose(_ conditions: [Int], _ values: [Compiled], at offset: Int) throws(HeadwaterError) -> Compiled {
        guard let type = try common(values) else { return null(at: offset) }
        var register = held(values[values.count - 1], as: type)
        for (condition, value) in zip(conditions, values).reversed() {
            register = emit(.select, [condition, held(value, as: type), register], type)
        }
        return Compiled(register: register, type: type, offset: offset)
    }

    /// The type that all values are read as; `nil` where all are null.
    func common(_ values: [Compiled]) throws(HeadwaterError) -> FeatureType? {
        var common: FeatureType?
        for value in values {
            guard let type = value.type else { continue }
            guard let before = common else {
                common = type
                continue
            }
            guard let both = before.common(with: type) else {
                throw error("\(before) and \(type) do not mix: cast one of them", at: value.offset)
            }
            common = both
        }
        return common
    }

    // MARK: Operators

    mutating func bool(_ node: SyntaxNode, _ user: String) throws(HeadwaterError) -> Int { try bool(try value(node), user) }

    private mutating func bool(_ value: Compiled, _ user: String) throws(HeadwaterError) -> Int {
        guard let type = value.type else { return constant(.null, .bool) }
        guard type == .bool else { throw error("\(user) takes a bool, not \(type): compare it with something", at: value.offset) }
        return value.register
    }

    private mutating func apply(
        _ binary: BinaryOperator, _ left: Compiled, _ right: Compiled, at offset: Int
    ) throws(HeadwaterError) -> Compiled {
        func done(_ register: Int, _ type: FeatureType) -> Compiled { Compiled(register: register, type: type, offset: offset) }
        if binary == .and || binary == .or {
            let sides = [try bool(left, binary.rawValue), try bool(right, binary.rawValue)]
            return done(emit(.logic(binary == .and ? .and : .or), sides, .bool), .bool)
        }
        switch binary {
        case .equal: return try compare(.equal, left, right, at: offset)
        case .notEqual: return try compare(.notEqual, left, right, at: offset)
        case .less: return try compare(.less, left, right, at: offset)
        case .lessOrEqual: return try compare(.lessOrEqual, left, right, at: offset)
        case .greater: return try compare(.greater, left, right, at: offset)
        case .greaterOrEqual: return try compare(.greaterOrEqual, left, right, at: offset)
        case .add: return try arithmetic(.add, .add, [left, right], "+", at: offset)
        case .subtract: return try arithmetic(.subtract, .subtract, [left, right], "-", at: offset)
        case .multiply: return try arithmetic(.multiply, .multiply, [left, right], "*", at: offset)
        case .modulo: return try arithmetic(.modulo, .modulo, [left, right], "%", at: offset)
        case .divide:
            for part in [left, right] { try expectNumber(part, "/") }
            return done(emit(.float(.divide), [float(left), float(right)], .float64), .float64)
        case .concatenate:
            let type = try common([left, right]) ?? .string
            guard type.isText else { throw error("|| puts texts together, not \(type): cast it to string", at: offset) }
            return done(emit(.text(.concatenate), [held(left, as: type), held(right, as: type)], type), type)
        case .and, .or: preconditionFailure("handled above")
        }
    }

    func expectNumber(_ value: Compiled, _ user: String) throws(HeadwaterError) {
        guard let type = value.type, !type.isNumber else { return }
        var hint = ""
        if type == .timestamp { hint = ": seconds_between(a, b) and days_between(a, b) give what lies between two times" }
        if type == .string { hint = user == "+" ? ": texts are put together by ||" : ": cast it, as in cast(x as float64)" }
        throw error("\(user) takes numbers, not \(type)\(hint)", at: value.offset)
    }

    /// Integers where all are, else floats.
    mutating func arithmetic(
        _ integers: IntegerFunction, _ floats: FloatFunction, _ values: [Compiled], _ user: String, at offset: Int
    ) throws(HeadwaterError) -> Compiled {
        for value in values { try expectNumber(value, user) }
        let type: FeatureType = (try common(values) ?? .float64).isInteger ? .int64 : .float64
        let registers = values.map { type == .int64 ? held($0, as: .int64) : float($0) }
        let operation: Operation = type == .int64 ? .integer(integers) : .float(floats)
        return Compiled(register: emit(operation, registers, type), type: type, offset: offset)
    }

    mutating func compare(
        _ comparison: Comparison, _ left: Compiled, _ right: Compiled, at offset: Int
    ) throws(HeadwaterError) -> Compiled {
        func done(_ register: Int) -> Compiled { Compiled(register: register, type: .bool, offset: offset) }
        guard let leftType = left.type ?? right.type, let rightType = right.type ?? left.type else {
            return done(constant(.null, .bool))
        }
        guard leftType.common(with: rightType) != nil else {
            var hint = "cast one of them"
            if leftType == .timestamp || rightType == .timestamp {
                hint = "write a time as cast('2026-01-31T00:00:00Z' as timestamp)"
            }
            throw error("\(leftType) and \(rightType) cannot be compared: \(hint)", at: offset)
        }
        if case .array = leftType {
            throw error("lists cannot be compared: use list_contains, list_length or jaccard", at: offset)
        }
        if case .vector = leftType { throw error("vectors cannot be compared: use l2_distance or cosine", at: offset) }
        let (first, second) = (held(left, as: leftType), held(right, as: rightType))
        switch (leftType.laneKind, rightType.laneKind) {
        case (.integers, .floats): return done(emit(.compareMixed(comparison), [first, second], .bool))
        case (.floats, .integers): return done(emit(.compareMixed(comparison.mirrored), [second, first], .bool))
        default: return done(emit(.compare(comparison, leftType.laneKind), [first, second], .bool))
        }
    }

    mutating func cast(_ value: Compiled, to type: FeatureType, at offset: Int) throws(HeadwaterError) -> Compiled {
        guard let own = value.type else { return Compiled(register: constant(.null, type), type: type, offset: offset) }
        if own == type { return Compiled(register: value.register, type: type, offset: offset) }
        guard Cast.isPossible(from: own, to: type) else {
            throw error("\(own) cannot be cast to \(type): \(Cast.targets(of: own))", at: offset)
        }
        return Compiled(register: emit(.cast(from: own, to: type), [value.register], type), type: type, offset: offset)
    }
}

extension Comparison {
    /// The comparison with its sides exchanged.
    var mirrored: Comparison {
        switch self {
        case .equal, .notEqual: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }
}
