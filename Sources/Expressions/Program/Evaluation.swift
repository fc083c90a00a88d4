import FeatureModel

/// Runs a program over rows: over a batch instruction by instruction, over one row the same with registers of one row.
///
/// Belongs to one thread. What is made is made at the start: a run of numbers allocates nothing.
final class Evaluation {
    private let program: Program
    let rowsMax: Int
    var registers: [Lanes]
    private(set) var nulls = NullCounts()
    /// Of the answer.
    var requestTime: Microseconds = 0
    /// Of each input, whether its cells were found; empty where nobody asks.
    var found: [[Bool]] = []

    init(_ program: Program, rowsMax: Int) {
        self.program = program
        self.rowsMax = rowsMax
        registers = program.instructions.map { Lanes($0.type.laneKind, rows: rowsMax) }
        for (index, instruction) in program.instructions.enumerated() {
            guard case .constant(let value) = instruction.operation else { continue }
            for row in 0..<rowsMax { registers[index].set(row, value) }
        }
    }

    func value(of register: Int, as type: FeatureType, at row: Int) -> Value { registers[register].value(row, as: type) }

    func type(of register: Int) -> FeatureType { program.instructions[register].type }

    func add(_ reason: NullReason, _ count: Int) { nulls.add(reason, count) }
    func takeNulls() -> NullCounts {
        defer { nulls = NullCounts() }
        return nulls
    }

    /// Works on the first `count` rows; the inputs are in their registers.
    func run(_ count: Int) {
        for index in program.instructions.indices {
            let instruction = program.instructions[index]
            switch instruction.operation {
            case .constant, .input: continue
            default: break
            }
            // Moved out, so that it is written in place while others are read.
            var out = Lanes()
            swap(&out, &registers[index])
            run(instruction, count, &out)
            swap(&out, &registers[index])
        }
    }

    private func run(_ instruction: Instruction, _ count: Int, _ out: inout Lanes) {
        let inputs = instruction.inputs
        switch instruction.operation {
        case .constant, .input: break
        case .found(let slot): for row in 0..<count { (out.valid[row], out.bools[row]) = (true, found[slot][row]) }
        case .requestTime: for row in 0..<count { (out.valid[row], out.integers[row]) = (true, requestTime) }
        case .toFloat:
            copyValidity(inputs, count, &out)
            let x = registers[inputs[0]].integers
            for row in 0..<count { out.floats[row] = Double(x[row]) }
        case .integer(let function): run(function, inputs, count, &out)
        case .float(let function): run(function, inputs, count, &out)
        case .compare(let comparison, let kind): compare(comparison, kind, inputs, count, &out)
        case .compareMixed(let comparison): compareMixed(comparison, inputs, count, &out)
        case .logic(let logic): run(logic, inputs, count, &out)
        case .isNull:
            let valid = registers[inputs[0]].valid
            for row in 0..<count { (out.valid[row], out.bools[row]) = (true, !valid[row]) }
        case .select: select(instruction.type.laneKind, inputs, count, &out)
        case .pick(let greatest, let keepsNulls):
            pick(instruction.type.laneKind, greatest: greatest, keepsNulls: keepsNulls, inputs, count, &out)
        case .text(let function): run(function, inputs, count, &out)
        case .calendar(let part, let offset): run(part, offset, inputs, count, &out)
        case .truncate(let unit, let offset): truncate(unit, offset, inputs, count, &out)
        case .between(let perSecond): between(perSecond, inputs, count, &out)
        case .cast(let type, let other): cast(from: type, to: other, inputs, count, &out)
        case .vector(let function): run(function, inputs, count, &out)
        case .list(let function): run(function, inputs, count, &out)
        case .json(let function): run(function, inputs, count, &out)
        case .hash(let type): hash(type, inputs, count, &out)
        case .bucket: bucket(inputs, count, &out)
        }
    }

    /// A row is there where all inputs are.
    func copyValidity(_ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        let first = registers[inputs[0]].valid
        switch inputs.count {
        case 1: for row in 0..<count { out.valid[row] = first[row] }
        case 2:
            let second = registers[inputs[1]].valid
            for row in 0..<count { out.valid[row] = first[row] && second[row] }
        default:
            for row in 0..<count { out.valid[row] = first[row] }
            for input in inputs.dropFirst() {
                let other = registers[input].valid
                for row in 0..<count { out.valid[row] = out.valid[row] && other[row] }
            }
        }
    }
}
