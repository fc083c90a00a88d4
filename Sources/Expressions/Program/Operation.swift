/// What one instruction of a program does.
///
/// The cases say how registers are read: integers as int64 (bool, int32, int64, timestamp), floats as float64 (float32
/// too), texts and lists as places on the heap.
enum Operation: Hashable, Sendable {
    case integer(IntegerOperation)
    case float(FloatOperation)
    case compare(ComparedKind, Relation)
    case logic(LogicOperation)
    /// The lesser or the greater of two, passing over null.
    case extreme(CellKind, greatest: Bool)
    case cast(CastOperation)
    case text(TextOperation)
    case time(TimeOperation)
    case vector(VectorOperation)
    case list(ListOperation, CellKind)
    case hash(HashOperation)

    /// Whether it works on numbers, bools and times, and makes such.
    var isOfNumbers: Bool {
        switch self {
        case .integer, .float, .logic, .time: true
        case .compare(let kind, _): kind != .texts
        case .extreme(let kind, _): kind != .text
        case .cast(let cast):
            switch cast {
            case .integerToFloat, .floatToInteger, .integerToInt32, .floatToFloat32, .integerToBool: true
            default: false
            }
        case .hash(let hash): hash == .integer || hash == .float || hash == .bool || hash == .bucket
        case .text, .vector, .list: false
        }
    }
}

/// How a cell lies in a register.
enum CellKind: UInt8, Hashable, Sendable { case integer, float, text }

/// The two sides of a comparison.
enum ComparedKind: UInt8, Hashable, Sendable { case integers, floats, texts, integerWithFloat, floatWithInteger }

enum Relation: UInt8, Hashable, Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }

enum IntegerOperation: UInt8, Hashable, Sendable {
    case add, subtract, multiply, divide, remainder, negate, abs, sign, clip
    /// To a power of ten, half away from zero.
    case round
}

enum FloatOperation: UInt8, Hashable, Sendable {
    case add, subtract, multiply, divide, truncatingDivide, remainder, negate, abs, sign, clip
    case floor, ceil, round, roundDigits, trunc, sqrt, ln, log10, log2, log1p, exp, pow
    case sin, cos, asin, atan2, radians, haversine
    case isNaN, isInfinite
}

enum LogicOperation: UInt8, Hashable, Sendable {
    case and, or, not, isNull, isNotNull
    /// The first of two that is not null.
    case coalesce
    /// The second where the first is true, else the third.
    case select
    /// The second, but null where the first is true.
    case nullWhere
}

enum CastOperation: UInt8, Hashable, Sendable {
    case integerToFloat, floatToInteger, integerToInt32, floatToFloat32, integerToBool
    case integerToText, floatToText, float32ToText, boolToText, timestampToText, bytesToText
    case textToInteger, textToFloat, textToBool, textToTimestamp
}

enum TextOperation: UInt8, Hashable, Sendable {
    case concatenate, lower, upper, trim, length, byteCount, substringFrom, substring, startsWith, contains, replace, split
    /// The immediate is the place of a path in the program.
    case jsonText, jsonNumber
}

enum TimeOperation: Hashable, Sendable {
    /// The immediate is the offset from UTC.
    case part(TimePart)
    case truncate(TimeUnitName)
    case secondsBetween, daysBetween
}

enum TimePart: String, Hashable, Sendable, CaseIterable {
    case year, month, day, hour, minute
    case dayOfWeek = "day_of_week"
    case dayOfYear = "day_of_year"
}

/// What `date_trunc` cuts to.
enum TimeUnitName: String, Hashable, Sendable, CaseIterable { case year, quarter, month, week, day, hour, minute, second }

/// The immediate is the number of elements.
enum VectorOperation: UInt8, Hashable, Sendable { case dot, cosine, distance, norm }

enum ListOperation: UInt8, Hashable, Sendable {
    case length, at, contains, containsInteger, containsFloat, sum, mean, min, max, distinct, intersect, jaccard
}

enum HashOperation: Hashable, Sendable {
    case integer, float, bool, text
    case list(CellKind, isBool: Bool)
    case vector
    case bucket
}
