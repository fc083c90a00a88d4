internal import FeatureModel

/// Collects instructions: an equal one is there once, and one whose arguments are constants is run at once.
struct ProgramBuilder {
    /// A value while the program is made: each is written once.
    struct Register: Hashable {
        fileprivate let number: Int
    }

    private enum Origin {
        case input(Int)
        case constant(Constant)
        case instruction(Int)
    }

    private struct Key: Hashable {
        let operation: Operation
        let arguments: [Register]
        let immediate: Int64
    }

    private var origins: [Origin] = []
    private var inputs: [ExpressionInput] = []
    private var instructions: [Key] = []
    private var paths: [JSONPath] = []
    private var inputRegisters: [ExpressionInput: Register] = [:]
    private var constantRegisters: [Constant: Register] = [:]
    private var instructionRegisters: [Key: Register] = [:]

    private mutating func register(_ origin: Origin) -> Register {
        origins.append(origin)
        return Register(number: origins.count - 1)
    }

    mutating func input(_ input: ExpressionInput) -> Register {
        if let known = inputRegisters[input] { return known }
        inputs.append(input)
        let made = register(.input(inputs.count - 1))
        inputRegisters[input] = made
        return made
    }

    mutating func constant(_ constant: Constant) -> Register {
        if let known = constantRegisters[constant] { return known }
        let made = register(.constant(constant))
        constantRegisters[constant] = made
        return made
    }

    mutating func path(_ path: JSONPath) -> Int64 {
        if let known = paths.firstIndex(of: path) { return Int64(known) }
        paths.append(path)
        return Int64(paths.count - 1)
    }

    mutating func emit(
        _ operation: Operation, _ arguments: [Register], immediate: Int64 = 0, gives type: FeatureType
    ) -> Register {
        let key = Key(operation: operation, arguments: arguments, immediate: immediate)
        if let known = instructionRegisters[key] { return known }
        let made: Register
        if let folded = folded(key, type) {
            made = constant(folded)
        } else {
            instructions.append(key)
            made = register(.instruction(instructions.count - 1))
        }
        instructionRegisters[key] = made
        return made
    }

    /// What an instruction gives whose arguments are constants. A null that has a reason is not folded, as each row counts
    /// it; neither is what is no scalar.
    private func folded(_ key: Key, _ type: FeatureType) -> Constant? {
        guard type.isScalar else { return nil }
        var constants: [Constant] = []
        for argument in key.arguments {
            guard case .constant(let constant) = origins[argument.number] else { return nil }
            constants.append(constant)
        }
        var instruction = Instruction(
            operation: key.operation, out: constants.count, argumentCount: constants.count, immediate: key.immediate)
        instruction.set(arguments: Array(constants.indices))
        let program = Program(
            inputs: [], constants: constants, instructions: [instruction], paths: paths, registerCount: constants.count + 1,
            result: constants.count, resultType: type)
        var registers = Registers(program, rows: 1)
        registers.run(program, count: 1)
        if registers.nulls.isEmpty { return registers.constant(program.result, type) }
        return nil
    }

    /// The program that gives `result`, with only what that needs.
    consuming func finish(_ result: Register, _ type: FeatureType) -> Program {
        var lastUses: [Register: Int] = [:]
        var needed = Set([result])
        for (index, key) in instructions.enumerated().reversed() {
            guard let out = instructionRegisters[key], needed.contains(out) else { continue }
            for argument in key.arguments {
                needed.insert(argument)
                if lastUses[argument] == nil { lastUses[argument] = index }
            }
        }

        var places: [Register: Int] = [:]
        var read: [ExpressionInput] = []
        for number in origins.indices {
            guard case .input(let place) = origins[number], needed.contains(Register(number: number)) else { continue }
            places[Register(number: number)] = read.count
            read.append(inputs[place])
        }
        var constants: [Constant] = []
        for number in origins.indices {
            guard case .constant(let constant) = origins[number], needed.contains(Register(number: number)) else { continue }
            places[Register(number: number)] = read.count + constants.count
            constants.append(constant)
        }
        var count = read.count + constants.count
        var free: [Int] = []
        var made: [Instruction] = []
        for (index, key) in instructions.enumerated() {
            let out = instructionRegisters[key]!
            guard needed.contains(out) else { continue }
            var instruction = Instruction(
                operation: key.operation, out: 0, argumentCount: key.arguments.count, immediate: key.immediate)
            instruction.set(arguments: key.arguments.map { places[$0]! })
            for argument in Set(key.arguments) where lastUses[argument] == index {
                if case .instruction = origins[argument.number], argument != result { free.append(places[argument]!) }
            }
            free.sort(by: >)
            if let place = free.popLast() {
                instruction.out = place
            } else {
                instruction.out = count
                count += 1
            }
            places[out] = instruction.out
            made.append(instruction)
        }
        return Program(
            inputs: read, constants: constants, instructions: made, paths: paths, registerCount: count,
            result: places[result]!, resultType: type)
    }
}

extension Instruction {
    fileprivate mutating func set(arguments: [Int]) {
        if arguments.count > 0 { a = arguments[0] }
        if arguments.count > 1 { b = arguments[1] }
        if arguments.count > 2 { c = arguments[2] }
        if arguments.count > 3 { d = arguments[3] }
    }
}
