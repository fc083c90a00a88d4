/// The variance of values from their count and their exact sums: (n·Σx² - (Σx)²) / (n·(n - 1)), in integers and rounded once.
///
/// The variance of a whole population divides by n² instead.
package enum ExactVariance {
    /// Of float64 values; nil for fewer than two, or of a population for none. A value that is NaN or infinite makes it NaN.
    package static func of(count: Int64, sum: ExactSum, squares: ExactProductSum, population: Bool = false) -> Double? {
        guard let divisor = divisor(count, population: population) else { return nil }
        if sum.nonfinite.value != nil || squares.nonfinite.value != nil { return Elementary.canonicalNaN }
        return variance(count, sum.digits, squares.digits, divisor, unit: -2148)
    }

    /// Of int64 values; nil for fewer than two, or of a population for none.
    package static func of(
        count: Int64, sum: ExactIntegerSum, squares: ExactIntegerSquareSum, population: Bool = false
    ) -> Double? {
        guard let divisor = divisor(count, population: population) else { return nil }
        var squareDigits = ExactDigits<8>(squares.low)
        squareDigits.add(squares.high, at: 128, negative: false)
        return variance(count, ExactDigits<4>(sum.value.magnitude), squareDigits, divisor, unit: 0)
    }

    private static func divisor(_ count: Int64, population: Bool) -> UInt128? {
        if count < (population ? 1 : 2) { return nil }
        let number = UInt64(count)
        return Elementary.product(number, population ? number : number - 1)
    }

    private static func variance(
        _ count: Int64, _ sum: ExactDigits<4>, _ squares: ExactDigits<8>, _ divisor: UInt128, unit: Int
    ) -> Double {
        var numerator = ExactDigits<8>()
        _ = squares.withMagnitude { place, digit in
            numerator.add(Elementary.product(digit, UInt64(count)), at: 32 * place, negative: false)
        }
        var sumDigits: [(place: Int, digit: UInt64)] = []
        _ = sum.withMagnitude { sumDigits.append(($0, $1)) }
        for (index, left) in sumDigits.enumerated() where left.digit != 0 {
            numerator.add(left.digit * left.digit, at: 64 * left.place, negative: true)
            for right in sumDigits[..<index] {
                // Each product of two digits stands twice in the square.
                let product = Elementary.product(left.digit, right.digit) << 1
                numerator.add(product, at: 32 * (left.place + right.place), negative: true)
            }
        }
        return quotient(numerator, divisor, unit: unit)
    }

    /// The nearest float64 to a number over a divisor, times 2^`unit`.
    private static func quotient(_ numerator: ExactDigits<8>, _ divisor: UInt128, unit: Int) -> Double {
        var digits: [UInt64] = []
        var place = 0
        let negative = numerator.withMagnitude { at, digit in
            digits.append(digit)
            if digit != 0 { place = at }
        }
        precondition(!negative, "the sum of squares is not that of the values of the sum")
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { return 0 }

        // The first 256 bits, or less by the zeros of the first digit, below the quotient's overflow: their half is the dividend.
        var high: UInt128 = 0
        var low: UInt128 = 0
        for part in 0..<8 {
            let digit = part < digits.count ? UInt128(digits[digits.count - 1 - part]) : 0
            high = high << 32 | low >> 96
            low = low << 32 | digit
        }
        var more = digits.dropLast(8).contains { $0 != 0 }
        more = more || low & 1 != 0
        low = high << 127 | low >> 1
        high >>= 1
        let zeros = divisor.leadingZeroBitCount
        let (quotient, remainder) = (divisor << UInt128(zeros)).dividingFullWidth((high, low))
        return Double(
            negative: false, magnitude: quotient, more: more || remainder != 0,
            unit: 32 * (place - 7) + 1 + zeros + unit)
    }
}
