extension Elementary {
    /// The natural logarithm; of a zero -∞, of a negative number NaN.
    package static func ln(_ x: Double) -> Double {
        guard x > 0 && x.isFinite else { return logarithmOutside(x) }
        let logarithm = Logarithm(Parts(x))
        let whole = ElementaryTables.logarithmOfTwo &* Int128(truncatingIfNeeded: logarithm.exponent)
        return composed(whole &+ logarithm.rest, scale: logarithm.scale)
    }

    /// The logarithm to base 2, exact for powers of 2.
    package static func log2(_ x: Double) -> Double {
        guard x > 0 && x.isFinite else { return logarithmOutside(x) }
        let (value, scale) = binaryLogarithm(Parts(x))
        return composed(value, scale: scale)
    }

    /// The logarithm to base 10, exact for powers of 10.
    package static func log10(_ x: Double) -> Double {
        guard x > 0 && x.isFinite else { return logarithmOutside(x) }
        let logarithm = Logarithm(Parts(x))
        let whole = ElementaryTables.decimalLogarithmOfTwo &* Int128(truncatingIfNeeded: logarithm.exponent)
        let rest = product(logarithm.rest, ElementaryTables.decimalLogarithmOfE)
        return composed(whole &+ rest, scale: logarithm.scale)
    }

    /// The natural logarithm of 1 + x, precise for small x too.
    package static func log1p(_ x: Double) -> Double {
        guard x > -1 && x.isFinite else { return x == -1 ? -.infinity : logarithmOutside(x) }
        if x.magnitude < 0x1p-58 { return x }
        let parts = Parts(x)
        if parts.exponent < -8 {
            let logarithm = Logarithm(nearOne: parts, negative: x < 0)
            return composed(logarithm.rest, scale: logarithm.scale)
        }
        let logarithm = Logarithm(onePlus(parts, negative: x < 0))
        let whole = ElementaryTables.logarithmOfTwo &* Int128(truncatingIfNeeded: logarithm.exponent)
        return composed(whole &+ logarithm.rest, scale: logarithm.scale)
    }

    private static func logarithmOutside(_ x: Double) -> Double {
        x == 0 ? -.infinity : x == .infinity ? x : canonicalNaN
    }

    /// 1 ± the number, which is 2^-8 or more, without loss: but for one above 2^62, which 1 does not change noticeably.
    private static func onePlus(_ parts: Parts, negative: Bool) -> Parts {
        if parts.exponent > 62 { return parts }
        if parts.exponent >= 0 {
            let sum = parts.significand >> 1 + 1 << UInt64(62 - parts.exponent)
            let zeros = sum.leadingZeroBitCount
            return Parts(significand: sum << UInt64(zeros), exponent: parts.exponent + 1 - zeros)
        }
        let part = parts.significand >> UInt64(-parts.exponent)
        let sum = negative ? 1 << 63 - part : 1 << 63 + part
        let zeros = sum.leadingZeroBitCount
        return Parts(significand: sum << UInt64(zeros), exponent: -zeros)
    }

    /// The logarithm to base 2 as an integer in units of 2^-`scale`; its relative error is below 2^-67.
    @inline(__always)
    static func binaryLogarithm(_ parts: Parts) -> (value: Int128, scale: Int) {
        let logarithm = Logarithm(parts)
        let rest = product(logarithm.rest, ElementaryTables.binaryLogarithmOfE) &<< 1
        return (Int128(truncatingIfNeeded: logarithm.exponent) &<< 116 &+ rest, logarithm.scale)
    }

    /// A product over 2^128 with the first factor's sign.
    @inline(__always)
    private static func product(_ left: Int128, _ right: UInt128) -> Int128 {
        let magnitude = Int128(truncatingIfNeeded: high(left.magnitude, right))
        return left < 0 ? 0 &- magnitude : magnitude
    }

    /// A natural logarithm: `exponent` · ln(2) + `rest` · 2^-`scale`. The scale is 116, or more where the exponent is 0.
    ///
    /// The first 7 bits behind the leading one choose a reciprocal c of 10 bits, so that r = cx - 1 is exact and below 2^-7, and
    /// ln(x) = ln(1 + r) - ln(c). Next to 1 the reciprocal is 1: there r is all there is, and keeps all of its bits.
    ///
    /// *Source*: the reduction is that of Tang, "Table-driven implementation of the logarithm function in IEEE floating-point
    /// arithmetic", ACM TOMS 16 (1990).
    private struct Logarithm {
        var exponent: Int
        var rest: Int128
        var scale = 116

        @inline(__always)
        init(_ parts: Parts) {
            let index = Int(truncatingIfNeeded: parts.significand &>> 56 & 0x7F)
            // From the 53rd 128th on, about √2, the number is taken as below 1.
            exponent = index < 53 ? parts.exponent : parts.exponent &+ 1
            // c·x - 1 in units of 2^-73.
            var reduced = Int128(truncatingIfNeeded: Elementary.product(parts.significand, ElementaryTables.reciprocals[index]))
            reduced &-= 1 &<< 73
            if exponent == 0 && (index == 0 || index == 127) {
                if reduced == 0 {
                    rest = 0
                    return
                }
                let spare = reduced.magnitude.leadingZeroBitCount &- 62
                scale = 116 &+ spare
                reduced = reduced &<< Int128(spare)
            }
            let shift = scale &- 116
            let leading = Int64(truncatingIfNeeded: reduced &>> 3)
            let series = Logarithm.series(leading &>> Int64(min(shift, 63)))
            let last = Logarithm.product(Int64(truncatingIfNeeded: reduced & 7), series) &>> 3
            let correction = Logarithm.product(leading, series) &+ last
            rest = reduced &<< 43 &+ correction &>> 23 &+ ElementaryTables.logarithms[index]
        }

        /// The logarithm of 1 ± a number that is less than 2^-7.
        @inline(__always)
        init(nearOne parts: Parts, negative: Bool) {
            exponent = 0
            let shift = -8 &- parts.exponent
            scale = 116 &+ shift
            let unsigned = Int64(truncatingIfNeeded: parts.significand &>> 1)
            let leading = negative ? 0 &- unsigned : unsigned
            let series = Logarithm.series(leading &>> Int64(min(shift, 63)))
            rest = Int128(truncatingIfNeeded: leading) &<< 46 &+ Logarithm.product(leading, series) &>> 23
        }

        /// (ln(1 + r) - r)/r in units of 2^-69 for r in units of 2^-70.
        @inline(__always)
        private static func series(_ number: Int64) -> Int64 {
            var sum = ElementaryTables.logarithm[0]
            for index in 1..<9 { sum = sum.multipliedFullWidth(by: number).high &+ ElementaryTables.logarithm[index] }
            return sum.multipliedFullWidth(by: number).high
        }

        @inline(__always)
        private static func product(_ left: Int64, _ right: Int64) -> Int128 {
            let (high, low) = left.multipliedFullWidth(by: right)
            return Int128(high) &<< 64 | Int128(low)
        }
    }
}
