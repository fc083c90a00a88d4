/// The exact sum of float64 values: the same for the same values, in whatever order they were added, merged and taken away.
///
/// It is an integer in units of 2^-1074, of which every finite float64 is a multiple, with counts of NaN and of both infinities.
/// Amounts of money need three or four digits of 32 bits, which stand in the sum itself; all float64 values together need at most
/// 68, which stand in memory of their own.
package struct ExactSum: Equatable, Sendable {
    private(set) var digits = ExactDigits<4>()
    private(set) var nonfinite = NonfiniteCounts()

    package init() {}

    /// - Complexity: O(1); about 4 ns for usual data.
    @inline(__always)
    package mutating func add(_ value: Double) { add(value, negative: false) }

    /// Takes away a value that was added.
    @inline(__always)
    package mutating func subtract(_ value: Double) { add(value, negative: true) }

    /// Adds all values of another sum.
    package mutating func merge(_ other: ExactSum) {
        digits.merge(other.digits, negative: false)
        nonfinite.merge(other.nonfinite, sign: 1)
    }

    /// Takes away all values of another sum, which were added.
    package mutating func subtract(_ other: ExactSum) {
        digits.merge(other.digits, negative: true)
        nonfinite.merge(other.nonfinite, sign: -1)
    }

    /// The nearest float64; ties go to even, beyond the range stands ±∞, and a zero is +0. A NaN or infinities of both signs give
    /// NaN, infinities of one sign that infinity.
    package var rounded: Double { nonfinite.value ?? digits.rounded(unit: -1074) }

    /// Whether all that was added is finite and the sum is 0.
    package var isZero: Bool { nonfinite.value == nil && digits.isZero }

    /// Carries all digits and drops those that cancelled, which makes the sum as small as it can be.
    package mutating func compact() { digits.carry() }

    /// How many bytes the sum's digits take where each has 32 bits.
    package var digitByteCount: Int { 4 * digits.places.count }

    @inline(__always)
    private mutating func add(_ value: Double, negative: Bool) {
        let parts = FiniteParts(value)
        if !parts.isFinite { return nonfinite.add(value, sign: negative ? -1 : 1) }
        if parts.significand != 0 {
            digits.add(parts.significand, at: parts.place, negative: parts.negative != negative)
        }
    }
}

/// The exact sum of products of two float64 values, such as squares.
///
/// A product has 106 bits and is a multiple of 2^-2148, which is the unit here, and lies below 2^2048: all products together take
/// at most 134 digits of 32 bits. The sum is not rounded on its way into a variance, and so may lie outside float64's range.
package struct ExactProductSum: Equatable, Sendable {
    private(set) var digits = ExactDigits<8>()
    private(set) var nonfinite = NonfiniteCounts()

    package init() {}

    package mutating func addSquare(_ value: Double) { add(value, value, negative: false) }

    /// Takes away a square that was added.
    package mutating func subtractSquare(_ value: Double) { add(value, value, negative: true) }

    package mutating func addProduct(_ left: Double, _ right: Double) { add(left, right, negative: false) }

    /// Takes away a product that was added.
    package mutating func subtractProduct(_ left: Double, _ right: Double) { add(left, right, negative: true) }

    /// Adds all products of another sum.
    package mutating func merge(_ other: ExactProductSum) {
        digits.merge(other.digits, negative: false)
        nonfinite.merge(other.nonfinite, sign: 1)
    }

    /// Takes away all products of another sum, which were added.
    package mutating func subtract(_ other: ExactProductSum) {
        digits.merge(other.digits, negative: true)
        nonfinite.merge(other.nonfinite, sign: -1)
    }

    /// The nearest float64, by the rules of `ExactSum.rounded`.
    package var rounded: Double { nonfinite.value ?? digits.rounded(unit: -2148) }

    /// Whether all that was added is finite and the sum is 0.
    package var isZero: Bool { nonfinite.value == nil && digits.isZero }

    /// Carries all digits and drops those that cancelled, which makes the sum as small as it can be.
    package mutating func compact() { digits.carry() }

    /// How many bytes the sum's digits take where each has 32 bits.
    package var digitByteCount: Int { 4 * digits.places.count }

    @inline(__always)
    private mutating func add(_ left: Double, _ right: Double, negative: Bool) {
        let first = FiniteParts(left)
        let second = FiniteParts(right)
        // 0 · ∞ is NaN.
        if !first.isFinite || !second.isFinite { return nonfinite.add(left * right, sign: negative ? -1 : 1) }
        let product = Elementary.product(first.significand, second.significand)
        if product == 0 { return }
        let sign = (first.negative != second.negative) != negative
        digits.add(product, at: first.place &+ second.place, negative: sign)
    }
}

/// A float64 as ±`significand` · 2^(`place` - 1074).
struct FiniteParts {
    let significand: UInt64
    let place: Int
    let negative: Bool
    let isFinite: Bool

    @inline(__always)
    init(_ value: Double) {
        let bits = value.bitPattern
        let exponent = Int(truncatingIfNeeded: bits &>> 52 & 0x7FF)
        let hidden: UInt64 = exponent > 0 ? 1 &<< 52 : 0
        significand = bits & 0xF_FFFF_FFFF_FFFF | hidden
        place = exponent > 0 ? exponent &- 1 : 0
        negative = bits &>> 63 != 0
        isFinite = exponent != 0x7FF
    }
}

/// How many values of a sum are NaN, +∞ and -∞; a count is below 2^63, as that of all values is.
struct NonfiniteCounts: Equatable, Sendable {
    private var notANumber: Int64 = 0
    private var positive: Int64 = 0
    private var negative: Int64 = 0

    @inline(never)
    mutating func add(_ value: Double, sign: Int64) {
        if value.isNaN {
            notANumber += sign
        } else if value > 0 {
            positive += sign
        } else {
            negative += sign
        }
    }

    mutating func merge(_ other: NonfiniteCounts, sign: Int64) {
        notANumber += sign * other.notANumber
        positive += sign * other.positive
        negative += sign * other.negative
    }

    /// The sum where one of the values is not finite.
    var value: Double? {
        if notANumber | positive | negative == 0 { return nil }
        if notANumber != 0 || positive != 0 && negative != 0 { return Elementary.canonicalNaN }
        return positive != 0 ? .infinity : -.infinity
    }
}
