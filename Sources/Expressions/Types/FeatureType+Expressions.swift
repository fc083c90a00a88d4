import FeatureModel

/// How cells of a type are held while they are worked on.
enum LaneKind: Hashable, Sendable {
    /// int32, int64, timestamp.
    case integers
    /// float32, float64.
    case floats
    case bools
    /// string, bytes.
    case texts
    case lists
    case vectors
}

extension FeatureType {
    var laneKind: LaneKind {
        switch self {
        case .int32, .int64, .timestamp: .integers
        case .float32, .float64: .floats
        case .bool: .bools
        case .string, .bytes: .texts
        case .array: .lists
        case .vector: .vectors
        }
    }

    var isInteger: Bool { self == .int32 || self == .int64 }
    var isFloat: Bool { self == .float32 || self == .float64 }
    var isNumber: Bool { isInteger || isFloat }

    /// The type that cells of both are read as: int32, int64 and float32 widen, integers beside floats are float64.
    ///
    /// - Returns: `nil` where the two do not mix.
    func common(with other: FeatureType) -> FeatureType? {
        if self == other { return self }
        guard isNumber, other.isNumber else { return nil }
        return isInteger && other.isInteger ? .int64 : .float64
    }
}

/// The order of float64: every NaN is equal to every other and greater than all numbers; zeros are equal.
enum FloatOrder {
    @inline(__always)
    static func less(_ left: Double, _ right: Double) -> Bool { left < right || (right.isNaN && !left.isNaN) }

    @inline(__always)
    static func equal(_ left: Double, _ right: Double) -> Bool { left == right || (left.isNaN && right.isNaN) }

    /// The same, but that -0 is below 0: an order of which the least and the greatest do not depend on who came first.
    @inline(__always)
    static func strictlyLess(_ left: Double, _ right: Double) -> Bool {
        less(left, right) || (left == 0 && right == 0 && left.sign == .minus && right.sign == .plus)
    }

    /// Compares without rounding: an int64 beyond 2^53 has neighbours that no float64 tells from it.
    static func compare(_ integer: Int64, _ float: Double) -> Int {
        if float.isNaN || float >= 0x1p63 { return -1 }
        if float < -0x1p63 { return 1 }
        let whole = float.rounded(.towardZero)
        let truncated = Int64(whole)
        if integer != truncated { return integer < truncated ? -1 : 1 }
        return whole == float ? 0 : whole < float ? -1 : 1
    }
}

extension Double {
    /// The nearest whole number, halves away from zero: by operations that every processor has, without the C library.
    var roundedAwayFromZero: Double {
        let whole = rounded(.towardZero)
        // Exact, as both are near each other; -0.3 goes to -0.
        return (self - whole).magnitude >= 0.5 ? whole + (sign == .minus ? -1 : 1) : whole
    }
}
