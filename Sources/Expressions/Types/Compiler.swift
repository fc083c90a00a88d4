internal import FeatureModel

/// Gives each node of a tree its type, and makes the program as it goes.
struct Compiler {
    let source: SourceText
    let tree: SyntaxTree
    let environment: ExpressionEnvironment
    var builder = ProgramBuilder()
    private var types: [StaticType] = []
    /// Where each node's value is; nothing reads that of a node whose type is `nil`.
    private var registers: [ProgramBuilder.Register] = []

    /// - Throws: `.invalidArgument` that shows what does not fit where.
    static func compile(
        _ tree: SyntaxTree, _ source: SourceText, in environment: ExpressionEnvironment
    ) throws(HeadwaterError) -> Program {
        var compiler = Compiler(source: source, tree: tree, environment: environment)
        for place in tree.nodes.indices {
            let (type, register) = try compiler.value(of: place)
            compiler.types.append(type)
            compiler.registers.append(register)
        }
        guard let type = compiler.types[tree.root] else {
            throw source.error(at: 0, "this is null in every row, and of no type: write one such as cast(null as float64)")
        }
        let result = compiler.registers[tree.root]
        return compiler.builder.finish(result, type)
    }

    private init(source: SourceText, tree: SyntaxTree, environment: ExpressionEnvironment) {
        self.source = source
        self.tree = tree
        self.environment = environment
    }

    typealias Typed = (type: StaticType, register: ProgramBuilder.Register)

    func type(_ place: SyntaxTree.Place) -> StaticType { types[place] }
    func error(_ place: SyntaxTree.Place, _ message: String) -> HeadwaterError {
        source.error(at: tree.nodes[place].offset, message)
    }

    /// A node's value as `type`, which its own is or becomes by itself.
    mutating func operand(_ place: SyntaxTree.Place, as type: FeatureType) -> ProgramBuilder.Register {
        guard let own = types[place] else { return builder.constant(.null) }
        if own.isInteger && type.isFloat {
            return builder.emit(.cast(.integerToFloat), [registers[place]], gives: .float64)
        }
        return registers[place]
    }

    func register(_ place: SyntaxTree.Place) -> ProgramBuilder.Register { registers[place] }

    private mutating func value(of place: SyntaxTree.Place) throws(HeadwaterError) -> Typed {
        switch tree.nodes[place].kind {
        case .literal(let literal): return value(of: literal)
        case .column(let name): return try column(name, at: place)
        case .negative(let operand): return try negative(operand)
        case .not(let operand):
            return (.bool, builder.emit(.logic(.not), [try condition(operand, "'not'")], gives: .bool))
        case .binary(let binary, let left, let right): return try value(of: binary, left, right, at: place)
        case .isNull(let operand, let negated):
            let value = types[operand] == nil ? builder.constant(.null) : registers[operand]
            return (.bool, builder.emit(.logic(negated ? .isNotNull : .isNull), [value], gives: .bool))
        case .isIn(let operand, let members, let negated):
            var found: ProgramBuilder.Register?
            for member in members {
                let equal = try comparison(.equal, operand, member, at: member)
                found = found.map { builder.emit(.logic(.or), [$0, equal], gives: .bool) } ?? equal
            }
            return (.bool, negated ? builder.emit(.logic(.not), [found!], gives: .bool) : found!)
        case .between(let operand, let low, let high, let negated):
            let above = try comparison(.greaterOrEqual, operand, low, at: low)
            let below = try comparison(.lessOrEqual, operand, high, at: high)
            let within = builder.emit(.logic(.and), [above, below], gives: .bool)
            return (.bool, negated ? builder.emit(.logic(.not), [within], gives: .bool) : within)
        case .choice(let subject, let branches, let otherwise): return try choice(subject, branches, otherwise)
        case .cast(let operand, let type): return try cast(operand, to: type, at: place)
        case .call(let name, let arguments): return try call(name, arguments, at: place)
        }
    }

    private mutating func value(of literal: SyntaxTree.Literal) -> Typed {
        switch literal {
        case .null: (nil, builder.constant(.null))
        case .bool(let value): (.bool, builder.constant(.integer(value ? 1 : 0)))
        case .integer(let number): (.int64, builder.constant(.integer(number)))
        case .float(let number): (.float64, builder.constant(.float(number.bitPattern)))
        case .text(let bytes): (.string, builder.constant(.text(bytes)))
        }
    }

    private mutating func column(_ name: String, at place: SyntaxTree.Place) throws(HeadwaterError) -> Typed {
        if let type = environment.type(of: name) { return (type, builder.input(.column(name, type))) }
        let names = environment.columns.map(\.name)
        let advice: String
        if let near = Suggestion.near(name, in: names) {
            advice = "did you mean '\(near)'?"
        } else if FunctionTable.named(name) != nil {
            advice = "the function of this name takes its arguments in parentheses"
        } else if names.isEmpty {
            advice = "there are no columns here"
        } else {
            advice = "there are \(names.prefix(12).joined(separator: ", "))\(names.count > 12 ? ", …" : "")"
        }
        throw error(place, "there is no column '\(PlainText.quoted(String(name.prefix(80))))': \(advice)")
    }

    private mutating func negative(_ operand: SyntaxTree.Place) throws(HeadwaterError) -> Typed {
        let type = types[operand] ?? .int64
        guard type.isNumber else { throw error(operand, "'-' takes a number, and this is \(type.withArticle)\(castHint(type))") }
        let result: FeatureType = type.isInteger ? .int64 : .float64
        let operation: Operation = type.isInteger ? .integer(.negate) : .float(.negate)
        return (result, builder.emit(operation, [self.operand(operand, as: result)], gives: result))
    }

    /// A node that has to be true or false.
    private mutating func condition(
        _ place: SyntaxTree.Place, _ what: String
    ) throws(HeadwaterError) -> ProgramBuilder.Register {
        let type = types[place] ?? .bool
        guard type == .bool else {
            throw error(place, "\(what) takes a condition, and this is \(type.withArticle): compare it, as in x > 0")
        }
        return operand(place, as: .bool)
    }

    private mutating func value(
        of binary: BinaryOperator, _ left: SyntaxTree.Place, _ right: SyntaxTree.Place, at place: SyntaxTree.Place
    ) throws(HeadwaterError) -> Typed {
        switch binary {
        case .and, .or:
            let operands = [
                try condition(left, "'\(binary.rawValue)'"), try condition(right, "'\(binary.rawValue)'"),
            ]
            return (.bool, builder.emit(.logic(binary == .and ? .and : .or), operands, gives: .bool))
        case .concatenate:
            for operand in [left, right] {
                if let type = types[operand], type != .string {
                    throw error(operand, "'||' joins texts, and this is \(type.withArticle): write cast(… as string)")
                }
            }
            let operands = [operand(left, as: .string), operand(right, as: .string)]
            return (.string, builder.emit(.text(.concatenate), operands, gives: .string))
        case .plus, .minus, .times, .divide, .remainder: return try arithmetic(binary, left, right)
        case .equal: return (.bool, try comparison(.equal, left, right, at: place))
        case .notEqual: return (.bool, try comparison(.notEqual, left, right, at: place))
        case .less: return (.bool, try comparison(.less, left, right, at: place))
        case .lessOrEqual: return (.bool, try comparison(.lessOrEqual, left, right, at: place))
        case .greater: return (.bool, try comparison(.greater, left, right, at: place))
        case .greaterOrEqual: return (.bool, try comparison(.greaterOrEqual, left, right, at: place))
        }
    }

    private mutating func arithmetic(
        _ binary: BinaryOperator, _ left: SyntaxTree.Place, _ right: SyntaxTree.Place
    ) throws(HeadwaterError) -> Typed {
        for operand in [left, right] {
            guard let type = types[operand], !type.isNumber else { continue }
            var hint = castHint(type)
            if type == .string && binary == .plus { hint = ": join texts with ||" }
            if type == .timestamp { hint = ": use seconds_between(earlier, later) or days_between(earlier, later)" }
            throw error(operand, "'\(binary.rawValue)' takes numbers, and this is \(type.withArticle)\(hint)")
        }
        let isFloat = binary == .divide || (types[left] ?? .int64).isFloat || (types[right] ?? .int64).isFloat
        let type: FeatureType = isFloat ? .float64 : .int64
        let operands = [operand(left, as: type), operand(right, as: type)]
        let operation: Operation =
            switch binary {
            case .plus: isFloat ? .float(.add) : .integer(.add)
            case .minus: isFloat ? .float(.subtract) : .integer(.subtract)
            case .times: isFloat ? .float(.multiply) : .integer(.multiply)
            case .divide: .float(.divide)
            default: isFloat ? .float(.remainder) : .integer(.remainder)
            }
        return (type, builder.emit(operation, operands, gives: type))
    }

    func castHint(_ type: FeatureType) -> String { type.isScalar ? ": write cast(… as float64) if it holds one" : "" }

    /// A comparison of two scalars; numbers of any types compare by their exact values.
    mutating func comparison(
        _ relation: Relation, _ left: SyntaxTree.Place, _ right: SyntaxTree.Place, at place: SyntaxTree.Place
    ) throws(HeadwaterError) -> ProgramBuilder.Register {
        let first = types[left] ?? types[right] ?? .int64
        let second = types[right] ?? first
        let kind: ComparedKind?
        switch (first, second) {
        case _ where first.isInteger && second.isFloat: kind = .integerWithFloat
        case _ where first.isFloat && second.isInteger: kind = .floatWithInteger
        default: kind = FeatureType.common(first, second).flatMap(\.cellKind).map { $0.comparedKind }
        }
        guard let kind else {
            if first == second {
                throw error(place, "values of type \(first) are not compared: compare list_length(x) or elements")
            }
            var hint = ""
            if first == .timestamp && second == .string || first == .string && second == .timestamp {
                hint = ": write cast('2026-01-31T12:00:00Z' as timestamp)"
            } else if first.isScalar && second.isScalar {
                hint = ": write cast(… as \(first.isNumber || second.isNumber ? "float64" : "string")) around one"
            }
            throw error(place, "\(first.withArticle) and \(second.withArticle) are not compared\(hint)")
        }
        let operands = [register(orNull: left), register(orNull: right)]
        return builder.emit(.compare(kind, relation), operands, gives: .bool)
    }

    private mutating func register(orNull place: SyntaxTree.Place) -> ProgramBuilder.Register {
        types[place] == nil ? builder.constant(.null) : registers[place]
    }

    private mutating func choice(
        _ subject: SyntaxTree.Place?, _ branches: [(when: SyntaxTree.Place, then: SyntaxTree.Place)],
        _ otherwise: SyntaxTree.Place?
    ) throws(HeadwaterError) -> Typed {
        var conditions: [ProgramBuilder.Register] = []
        for (when, _) in branches {
            if let subject {
                conditions.append(try comparison(.equal, subject, when, at: when))
            } else {
                conditions.append(try condition(when, "'when'"))
            }
        }
        let type = try commonType(branches.map(\.then) + (otherwise.map { [$0] } ?? []), "the branches of 'case'")
        guard let type else { return (nil, builder.constant(.null)) }
        var result = otherwise.map { operand($0, as: type) } ?? builder.constant(.null)
        for (condition, branch) in zip(conditions, branches).reversed() {
            let value = operand(branch.then, as: type)
            result = builder.emit(.logic(.select), [condition, value, result], gives: type)
        }
        return (type, result)
    }

    /// The type that all values become by themselves.
    func commonType(_ places: [SyntaxTree.Place], _ what: String) throws(HeadwaterError) -> StaticType {
        var type: StaticType = nil
        for place in places {
            guard let own = types[place] else { continue }
            guard let known = type else {
                type = own
                continue
            }
            guard let common = FeatureType.common(known, own) else {
                throw error(
                    place, "\(what) are of different types: \(known.withArticle) stands before, and this is \(own.withArticle)")
            }
            type = common
        }
        return type
    }
}

extension CellKind {
    var comparedKind: ComparedKind {
        switch self {
        case .integer: .integers
        case .float: .floats
        case .text: .texts
        }
    }
}
