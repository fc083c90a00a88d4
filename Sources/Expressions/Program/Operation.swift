import FeatureModel

/// What one instruction of a program does with its inputs.
enum Operation: Hashable, Sendable {
    case constant(Value)
    case input(Int)
    /// Whether the cell of an input was found, whatever it holds.
    case found(Int)
    case requestTime
    /// Integers as floats.
    case toFloat
    case integer(IntegerFunction)
    case float(FloatFunction)
    case compare(Comparison, LaneKind)
    /// An integer with a float.
    case compareMixed(Comparison)
    case logic(Logic)
    case isNull
    /// The second where the first is true, else the third.
    case select
    /// The greater or the smaller of two; of one that is null and another, the other, unless nulls are kept.
    case pick(greatest: Bool, keepsNulls: Bool)
    case text(TextFunction)
    case calendar(CalendarPart, offset: Microseconds)
    case truncate(TimeUnitName, offset: Microseconds)
    case between(perSecond: Double)
    case cast(from: FeatureType, to: FeatureType)
    case vector(VectorFunction)
    case list(ListFunction)
    case json(JSONFunction)
    case hash(FeatureType)
    case bucket
}

enum IntegerFunction: Hashable, Sendable { case add, subtract, multiply, divide, modulo, negate, absolute, sign }

enum FloatFunction: Hashable, Sendable {
    case add, subtract, multiply, divide, modulo, quotient, negate, absolute, sign
    case floor, ceil, round, truncate, roundTo
    case sqrt, ln, log2, log10, log1p, exp, pow
    case sin, cos, asin, atan2, radians, haversine
    case isNaN, isInfinite
}

enum Comparison: Hashable, Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }
enum Logic: Hashable, Sendable { case and, or, not }

enum TextFunction: Hashable, Sendable {
    case concatenate, lower, upper, trim, length, byteLength, substring, startsWith, contains, replace, split
}

enum CalendarPart: String, Hashable, Sendable, CaseIterable {
    case year, month, day, hour, minute
    case dayOfWeek = "day_of_week"
    case dayOfYear = "day_of_year"
}

enum TimeUnitName: String, Hashable, Sendable, CaseIterable { case second, minute, hour, day, week, month, quarter, year }
enum VectorFunction: Hashable, Sendable { case dot, cosine, distance, norm }

enum ListFunction: Hashable, Sendable {
    case length, at, contains, sum, mean, least, greatest, distinct, intersection, jaccard
}

enum JSONFunction: Hashable, Sendable { case text, number }

/// One step of a program: register `n` is written by instruction `n`, and none is written twice.
struct Instruction: Hashable, Sendable {
    let operation: Operation
    let inputs: [Int]
    let type: FeatureType
}

/// An expression as instructions in an order in which each finds its inputs done.
struct Program: Sendable {
    var instructions: [Instruction] = []
    var output = 0
}

extension Program {
    /// The program without what its output does not need, such as constants that were folded away.
    var trimmed: Program {
        var isNeeded = Array(repeating: false, count: instructions.count)
        isNeeded[output] = true
        for index in instructions.indices.reversed() where isNeeded[index] {
            for input in instructions[index].inputs { isNeeded[input] = true }
        }
        var places: [Int] = []
        var kept = Program()
        for (index, instruction) in instructions.enumerated() {
            places.append(kept.instructions.count)
            guard isNeeded[index] else { continue }
            kept.instructions.append(
                Instruction(
                    operation: instruction.operation, inputs: instruction.inputs.map { places[$0] }, type: instruction.type))
        }
        kept.output = places[output]
        return kept
    }
}
