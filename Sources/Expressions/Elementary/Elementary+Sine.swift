extension Elementary {
    /// The sine of an angle in radians, of any size; of ±∞ NaN.
    package static func sin(_ x: Double) -> Double {
        if !x.isFinite { return canonicalNaN }
        if x.magnitude < 0x1p-32 { return x }
        let angle = Angle(x.magnitude)
        let negative = (x < 0) != (angle.quadrant & 2 != 0)
        if angle.quadrant & 1 == 0 { return sine(angle.rest, negative: negative != angle.isNegative) }
        return cosine(angle.rest, negative: negative)
    }

    /// The cosine of an angle in radians, of any size; of ±∞ NaN.
    package static func cos(_ x: Double) -> Double {
        if !x.isFinite { return canonicalNaN }
        if x.magnitude < 0x1p-32 { return 1 }
        let angle = Angle(x.magnitude)
        let negative = (angle.quadrant &+ 1) & 2 != 0
        if angle.quadrant & 1 == 0 { return cosine(angle.rest, negative: negative) }
        return sine(angle.rest, negative: negative != angle.isNegative)
    }

    /// An angle as quarter turns and a rest of at most π/4 to either side, which is never zero.
    ///
    /// The number of quarter turns is x · 2/π. Of 2/π only those 192 bits matter that make neither multiples of whole turns nor
    /// parts too small: no float64 lies nearer than about 2^-61 to a multiple of π/2, which leaves 64 good bits.
    ///
    /// *Source*: Payne, Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18 (1983).
    private struct Angle {
        var quadrant: Int
        var isNegative = false
        var rest: Parts

        @inline(__always)
        init(_ x: Double) {
            rest = Parts(x)
            if x < 0x1.921fb54442d18p-1 {
                quadrant = 0
                return
            }
            // The first bit that matters has the weight 2 in x · 2/π.
            let place = rest.exponent &+ 63
            let word = place &>> 6
            let shift = UInt64(truncatingIfNeeded: place & 63)
            let first = Angle.bits(word, shift)
            let second = Angle.bits(word &+ 1, shift)
            let third = Angle.bits(word &+ 2, shift)
            let turns =
                UInt128(rest.significand &* first) &<< 64 &+ product(rest.significand, second)
                &+ UInt128(high(rest.significand, third))
            // Quarter turns in units of 2^-126, modulo 4; half a quarter more makes the nearest whole number.
            let nearest = turns &+ 1 &<< 125
            quadrant = Int(truncatingIfNeeded: nearest &>> 126)
            let beyond = Int128(truncatingIfNeeded: turns &- nearest & 3 &<< 126)
            isNegative = beyond < 0
            let zeros = beyond.magnitude.leadingZeroBitCount
            let angle = high(high(beyond.magnitude &<< UInt128(zeros)), ElementaryTables.halfPi)
            let missing = angle.leadingZeroBitCount
            rest = Parts(significand: angle &<< UInt64(missing), exponent: 2 &- zeros &- missing)
        }

        @inline(__always)
        private static func bits(_ word: Int, _ shift: UInt64) -> UInt64 {
            // A shift by 64 in two steps.
            ElementaryTables.twoOverPi[word] &<< shift | (ElementaryTables.twoOverPi[word &+ 1] &>> 1) &>> (63 &- shift)
        }
    }

    /// The square of a number below 1 in units of 2^-64.
    @inline(__always)
    private static func square(_ parts: Parts) -> UInt64 {
        let shift = -2 &* (parts.exponent &+ 1)
        return shift > 63 ? 0 : high(parts.significand, parts.significand) &>> UInt64(shift)
    }

    @inline(__always)
    private static func sine(_ angle: Parts, negative: Bool) -> Double {
        let square = square(angle)
        var sum = ElementaryTables.sine[0]
        for index in 1..<9 { sum = ElementaryTables.sine[index] &- high(sum, square) }
        let value = angle.significand &- high(angle.significand, high(sum, square))
        let zeros = value.leadingZeroBitCount
        return composed(negative: negative, value &<< UInt64(zeros), exponent: angle.exponent &- zeros)
    }

    @inline(__always)
    private static func cosine(_ angle: Parts, negative: Bool) -> Double {
        let square = square(angle)
        var sum = ElementaryTables.cosine[0]
        for index in 1..<10 { sum = ElementaryTables.cosine[index] &- high(sum, square) }
        let missing = high(sum, square)
        if missing == 0 { return negative ? -1 : 1 }
        return composed(negative: negative, 0 &- missing, exponent: -1)
    }
}
