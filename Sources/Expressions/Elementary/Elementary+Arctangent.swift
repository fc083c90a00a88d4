extension Elementary {
    /// The angle of the point (x, y) in radians, from -π to π; the signs of zeros choose the side.
    package static func atan2(_ y: Double, _ x: Double) -> Double {
        if x.isNaN || y.isNaN { return canonicalNaN }
        let negative = y.sign == .minus
        let backwards = x.sign == .minus
        if y == 0 || x.isInfinite || x == 0 || y.isInfinite {
            return special(y, x, negative: negative, backwards: backwards)
        }
        return arctangent(Parts(y), Parts(x), negative: negative, backwards: backwards)
    }

    /// The arc sine; NaN outside [-1, 1].
    package static func asin(_ x: Double) -> Double {
        let magnitude = x.magnitude
        guard magnitude <= 1 else { return canonicalNaN }
        if magnitude < 0x1p-32 { return x }
        if magnitude == 1 { return composed(negative: x < 0, ElementaryTables.halfPi, exponent: 0) }
        let parts = Parts(x)
        let units = parts.significand >> UInt64(-parts.exponent)
        // √(1 - x²) = √((1 - x)(1 + x)), and the angle is that of the point (√(1 - x²), x).
        let adjacent = root(product(1 << 63 - units, 1 << 63 + units))
        return arctangent(parts, adjacent, negative: x < 0, backwards: false)
    }

    private static func special(_ y: Double, _ x: Double, negative: Bool, backwards: Bool) -> Double {
        if y == 0 && !backwards || x == .infinity && !y.isInfinite { return negative ? -0.0 : 0 }
        // The angle in quarters of π.
        let quarters: UInt128
        if y == 0 || x.isInfinite && !y.isInfinite {
            quarters = 4
        } else if x.isInfinite && y.isInfinite {
            quarters = backwards ? 3 : 1
        } else {
            quarters = 2
        }
        return composed(negative: negative, quarters * (ElementaryTables.pi >> 2), scale: 126)
    }

    /// The root of a number in units of 2^-126 that is not zero.
    private static func root(_ square: UInt128) -> Parts {
        let zeros = square.leadingZeroBitCount & ~1
        let number = square << UInt128(zeros)
        // A float64 root has 53 good bits; one step of Newton's method doubles them.
        let estimate = Double(high(number)).squareRoot() * 0x1p32
        let guess = estimate < 0x1p64 ? UInt64(estimate) : .max
        // What the square of the guess lacks is below 2^77.
        let missing = Int64(truncatingIfNeeded: Int128(truncatingIfNeeded: number &- product(guess, guess)) >> 16)
        let step = Int64(Double(missing) * 0x1p15 / estimate)
        let (sum, overflow) = guess.addingReportingOverflow(UInt64(truncatingIfNeeded: step))
        let root = step > 0 && overflow ? UInt64.max : sum
        return Parts(significand: root, exponent: -zeros / 2)
    }

    /// The angle of the point (x, y), where neither is zero.
    ///
    /// The lesser over the greater is the tangent of at most π/4. Turned back by the angle whose tangent is the nearest 64th,
    /// which costs no rounding, the point's tangent is at most about 1/128, and one division and a short series have the rest.
    private static func arctangent(_ y: Parts, _ x: Parts, negative: Bool, backwards: Bool) -> Double {
        let steep = y.exponent > x.exponent || y.exponent == x.exponent && y.significand > x.significand
        let (lesser, greater) = steep ? (x, y) : (y, x)
        let shift = greater.exponent &- lesser.exponent
        let ratio = shift > 8 ? 0 : (lesser.significand &>> UInt64(shift &+ 1)) / (greater.significand &>> 32)
        let index = Int((ratio &+ 1 &<< 24) &>> 25)

        if index == 0 {
            let tangent = quotient(lesser, greater)
            let rest = smallArctangent(tangent)
            if !steep && !backwards { return composed(negative: negative, rest.significand, exponent: rest.exponent) }
            return turned(fixed(rest), steep: steep, negative: negative, backwards: backwards)
        }
        let above = UInt128(lesser.significand) &<< UInt128(8 &- shift)
        let beside = UInt128(greater.significand) &<< 8
        let turn = UInt128(index)
        let height = Int128(truncatingIfNeeded: above &<< 6 &- beside &* turn)
        var angle = ElementaryTables.arctangents[index]
        if height != 0 {
            let width = beside &<< 6 &+ above &* turn
            let rest = fixed(smallArctangent(quotient(leading(height.magnitude), leading(width))))
            angle = height < 0 ? angle &- rest : angle &+ rest
        }
        return turned(angle, steep: steep, negative: negative, backwards: backwards)
    }

    /// An angle of the first eighth in units of 2^-126, brought to where it belongs and rounded.
    @inline(__always)
    private static func turned(_ angle: UInt128, steep: Bool, negative: Bool, backwards: Bool) -> Double {
        let first = steep ? ElementaryTables.pi &>> 1 &- angle : angle
        return composed(negative: negative, backwards ? ElementaryTables.pi &- first : first, scale: 126)
    }

    /// The first 64 bits of an integer.
    @inline(__always)
    private static func leading(_ number: UInt128) -> Parts {
        let zeros = number.leadingZeroBitCount
        return Parts(significand: high(number &<< UInt128(zeros)), exponent: 127 &- zeros)
    }

    @inline(__always)
    private static func quotient(_ left: Parts, _ right: Parts) -> Parts {
        let fits = left.significand < right.significand
        let dividend = fits ? (left.significand, 0) : (left.significand &>> 1, left.significand &<< 63)
        let quotient = right.significand.dividingFullWidth(dividend).quotient
        return Parts(significand: quotient, exponent: left.exponent &- right.exponent &- (fits ? 1 : 0))
    }

    /// A number below 2^-6 in units of 2^-126.
    @inline(__always)
    private static func fixed(_ parts: Parts) -> UInt128 {
        let shift = -parts.exponent &- 1
        return shift > 126 ? 0 : (UInt128(parts.significand) &<< 62) &>> UInt128(shift)
    }

    /// The angle whose tangent is a number below 2^-6.
    @inline(__always)
    private static func smallArctangent(_ tangent: Parts) -> Parts {
        let shift = -2 &* (tangent.exponent &+ 1)
        if shift > 63 { return tangent }
        let square = high(tangent.significand, tangent.significand) &>> UInt64(shift)
        var sum = ElementaryTables.arctangent[0]
        for index in 1..<4 { sum = ElementaryTables.arctangent[index] &- high(sum, square) }
        let value = tangent.significand &- high(tangent.significand, high(sum, square))
        let zeros = value.leadingZeroBitCount
        return Parts(significand: value &<< UInt64(zeros), exponent: tangent.exponent &- zeros)
    }
}
