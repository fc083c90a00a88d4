internal import FeatureModel

extension Compiler {
    mutating func call(
        _ name: String, _ arguments: [SyntaxTree.Place], at place: SyntaxTree.Place
    ) throws(HeadwaterError) -> Typed {
        guard let function = FunctionTable.named(name) else {
            let near = Suggestion.near(name, in: FunctionTable.all.map(\.name)).map { "did you mean '\($0)'?" }
            throw error(
                place,
                "there is no function '\(PlainText.quoted(String(name.prefix(80))))': "
                    + (FunctionTable.otherNames[name] ?? near ?? "docs/expressions.md lists all"))
        }
        if function.group == .request { return try requestCall(function, arguments, at: place) }
        for overload in function.overloads {
            guard let (types, result) = try match(overload, arguments) else { continue }
            return try emit(overload, arguments, types, result, at: place)
        }
        let given = arguments.map { argument in type(argument).map { "\($0)" } ?? "null" }.joined(separator: ", ")
        throw error(place, "\(name) takes \(function.signature), not (\(given))")
    }

    private mutating func emit(
        _ overload: Overload, _ arguments: [SyntaxTree.Place], _ types: [FeatureType], _ result: StaticType,
        at place: SyntaxTree.Place
    ) throws(HeadwaterError) -> Typed {
        guard let result else { return (nil, builder.constant(.null)) }
        var registers: [ProgramBuilder.Register] = []
        var literals: [Int: [UInt8]] = [:]
        var own: [FeatureType] = []
        for (index, argument) in arguments.enumerated() {
            let parameter = overload.parameter(index)
            if case .literal = parameter, case .literal(.text(let bytes)) = tree.nodes[argument].kind {
                literals[index] = bytes
                own.append(.string)
                continue
            }
            registers.append(operand(argument, as: types[index]))
            own.append(types[index])
        }
        var call = Overload.Call(builder: builder, arguments: registers, types: own, literals: literals, result: result)
        do {
            let register = try overload.emit(&call)
            builder = call.builder
            return (result, register)
        } catch {
            throw self.error(arguments[error.argument], error.message)
        }
    }

    /// The types that the arguments become, and the result's; `nil` where an argument does not fit.
    private func match(
        _ overload: Overload, _ arguments: [SyntaxTree.Place]
    ) throws(HeadwaterError) -> (types: [FeatureType], result: StaticType)? {
        let least = overload.parameters.count
        guard overload.repeats ? arguments.count >= least : arguments.count == least else { return nil }
        var common: StaticType = nil
        var list: StaticType = nil
        var vector: StaticType = nil
        for (index, argument) in arguments.enumerated() {
            let own = type(argument)
            switch overload.parameter(index) {
            case .literal: guard case .literal(.text) = tree.nodes[argument].kind else { return nil }
            case .column: return nil
            case .scalar, .any:
                guard let own else { continue }
                if case .scalar = overload.parameter(index), !own.isScalar { return nil }
                guard let both = FeatureType.common(common ?? own, own) else { return nil }
                common = both
            case .list, .numbers:
                guard let own else { continue }
                guard case .array(let element) = own, let both = FeatureType.common(list ?? own, own) else { return nil }
                if case .numbers = overload.parameter(index), !element.isNumber { return nil }
                list = both
            case .vector:
                guard let own else { continue }
                guard case .vector = own, own == vector ?? own else { return nil }
                vector = own
            case .member: continue
            case let plain: guard own.map({ plain.takes($0) }) ?? true else { return nil }
            }
        }
        let element: FeatureType
        if case .array(let inner) = list ?? .array(.int64) { element = inner } else { return nil }
        var types: [FeatureType] = []
        for (index, argument) in arguments.enumerated() {
            switch overload.parameter(index) {
            case .integer: types.append(.int64)
            case .float: types.append(.float64)
            case .string, .literal: types.append(.string)
            case .bytes: types.append(.bytes)
            case .timestamp: types.append(.timestamp)
            case .bool: types.append(.bool)
            case .scalar, .any: types.append(common ?? .int64)
            case .list, .numbers: types.append(list ?? .array(.int64))
            case .vector: types.append(vector ?? .vector(1))
            case .member:
                let own = type(argument) ?? element
                guard FeatureType.common(own, element) != nil else { return nil }
                types.append(own)
            case .column: return nil
            }
        }
        switch overload.result {
        case .type(let type): return (types, type)
        case .common: return (types, common)
        case .list: return (types, list)
        case .element: return (types, list == nil ? nil : element)
        case .sum: return (types, element.isInteger ? .int64 : .float64)
        }
    }

    private mutating func requestCall(
        _ function: Function, _ arguments: [SyntaxTree.Place], at place: SyntaxTree.Place
    ) throws(HeadwaterError) -> Typed {
        if function.name == "found" {
            guard arguments.count == 1, case .column(let name) = tree.nodes[arguments[0]].kind else {
                throw error(place, "found takes the name of one column, as in found(amount)")
            }
            guard environment.hasStatuses else {
                throw error(place, "found(…) asks how a feature was found, which only expressions of a service can")
            }
            return (.bool, builder.input(.found(name)))
        }
        guard arguments.isEmpty else { throw error(place, "request_time takes no arguments: write request_time()") }
        guard environment.hasRequestTime else {
            throw error(place, "request_time() has a meaning only in expressions of a service: use the column event_time")
        }
        return (.timestamp, builder.input(.requestTime))
    }
}

extension Overload {
    fileprivate func parameter(_ index: Int) -> Parameter { parameters[min(index, parameters.count - 1)] }
}

extension Overload.Parameter {
    /// Whether an argument of this type fits a parameter that looks at nothing else.
    fileprivate func takes(_ type: FeatureType) -> Bool {
        switch self {
        case .integer: type.isInteger
        case .float: type.isNumber
        case .string: type == .string
        case .bytes: type == .bytes
        case .timestamp: type == .timestamp
        case .bool: type == .bool
        default: false
        }
    }
}
