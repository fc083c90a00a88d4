extension Elementary {
    /// e to the power of x.
    package static func exp(_ x: Double) -> Double {
        if !x.isFinite { return x.isNaN ? canonicalNaN : x > 0 ? .infinity : 0 }
        if x.magnitude < 0x1p-60 { return 1 }
        let parts = Parts(x)
        let product = high(parts.significand, ElementaryTables.binaryLogarithmOfE)
        return powerOfTwo(negative: x < 0, product, exponent: parts.exponent &+ 1, negativeResult: false)
    }

    /// x to the power of y; any x to the power of 0 is 1, and so is 1 to any power.
    package static func pow(_ x: Double, _ y: Double) -> Double {
        if y == 0 || x == 1 { return 1 }
        if x.isNaN || y.isNaN { return canonicalNaN }
        if y.isInfinite {
            if x == -1 { return 1 }
            return (x.magnitude > 1) == (y > 0) ? .infinity : 0
        }
        let parity = x.sign == .minus ? Parity(y) : .even
        let negativeResult = parity == .odd
        if x == 0 || x.isInfinite {
            let magnitude: Double = (x == 0) == (y < 0) ? .infinity : 0
            return negativeResult ? -magnitude : magnitude
        }
        if parity == .fraction { return canonicalNaN }

        let (logarithm, scale) = binaryLogarithm(Parts(x))
        if logarithm == 0 { return negativeResult ? -1 : 1 }
        let zeros = logarithm.magnitude.leadingZeroBitCount
        let parts = Parts(y)
        let product = high(parts.significand, logarithm.magnitude &<< UInt128(zeros))
        return powerOfTwo(
            negative: (logarithm < 0) != (y < 0), product, exponent: parts.exponent &+ 128 &- zeros &- scale,
            negativeResult: negativeResult)
    }

    private enum Parity {
        case even, odd, fraction

        /// Of a finite number that is not zero.
        init(_ number: Double) {
            let parts = Parts(number)
            if parts.exponent < 0 {
                self = .fraction
            } else if parts.exponent > 63 {
                self = .even
            } else if parts.exponent < 63 && parts.significand << UInt64(parts.exponent + 1) != 0 {
                self = .fraction
            } else {
                self = parts.significand >> UInt64(63 - parts.exponent) & 1 == 1 ? .odd : .even
            }
        }
    }

    /// ±2 to the power of ±`magnitude` · 2^(`exponent` - 127), where the magnitude is 2^126 or more.
    ///
    /// The integer part of the power is the result's exponent. The first 7 bits of the rest choose a factor from a table; a
    /// polynomial has the other 57.
    @inline(__always)
    private static func powerOfTwo(negative: Bool, _ magnitude: UInt128, exponent: Int, negativeResult: Bool) -> Double {
        if exponent > 12 { return composed(negative: negativeResult, 1 &<< 63, exponent: negative ? -2000 : 2000) }
        if exponent < -64 { return negativeResult ? -1 : 1 }
        let unsigned = Int128(truncatingIfNeeded: magnitude &>> UInt128(63 &- exponent))
        let power = negative ? 0 &- unsigned : unsigned
        let fraction = UInt64(truncatingIfNeeded: power)

        let rest = fraction &<< 7
        var sum = ElementaryTables.exponential[0]
        for index in 1..<7 { sum = high(sum, rest) &+ ElementaryTables.exponential[index] }
        sum = high(sum, rest)
        let factor = ElementaryTables.powersOfTwo[Int(truncatingIfNeeded: fraction &>> 57)]
        return composed(
            negative: negativeResult, factor &+ high(factor, sum) &>> 7,
            exponent: Int(truncatingIfNeeded: power &>> 64))
    }
}
