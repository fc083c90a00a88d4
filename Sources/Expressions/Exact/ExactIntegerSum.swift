/// The exact sum of int64 values, in 128 bits: room for 2^64 values.
package struct ExactIntegerSum: Equatable, Sendable {
    package private(set) var value: Int128 = 0

    package init() {}

    @inline(__always)
    package mutating func add(_ number: Int64) { value &+= Int128(truncatingIfNeeded: number) }

    /// Takes away a number that was added.
    @inline(__always)
    package mutating func subtract(_ number: Int64) { value &-= Int128(truncatingIfNeeded: number) }

    /// Adds all numbers of another sum.
    package mutating func merge(_ other: ExactIntegerSum) { value &+= other.value }

    /// Takes away all numbers of another sum, which were added.
    package mutating func subtract(_ other: ExactIntegerSum) { value &-= other.value }

    /// The sum, where it is an int64.
    package var int64: Int64? { Int64(exactly: value) }

    /// The nearest float64; ties go to even.
    package var rounded: Double { Double(negative: value < 0, magnitude: value.magnitude, more: false, unit: 0) }
}

/// The exact sum of squares of int64 values, in 192 bits: room for 2^64 values.
package struct ExactIntegerSquareSum: Equatable, Sendable {
    package private(set) var low: UInt128 = 0
    package private(set) var high: UInt64 = 0

    package init() {}

    @inline(__always)
    package mutating func add(_ number: Int64) {
        merge(low: Elementary.product(number.magnitude, number.magnitude), high: 0)
    }

    /// Takes away the square of a number that was added.
    @inline(__always)
    package mutating func subtract(_ number: Int64) {
        subtract(low: Elementary.product(number.magnitude, number.magnitude), high: 0)
    }

    /// Adds all squares of another sum.
    package mutating func merge(_ other: ExactIntegerSquareSum) { merge(low: other.low, high: other.high) }

    /// Takes away all squares of another sum, which were added.
    package mutating func subtract(_ other: ExactIntegerSquareSum) { subtract(low: other.low, high: other.high) }

    @inline(__always)
    private mutating func merge(low other: UInt128, high above: UInt64) {
        let (sum, carry) = low.addingReportingOverflow(other)
        low = sum
        high = high &+ above &+ (carry ? 1 : 0)
    }

    @inline(__always)
    private mutating func subtract(low other: UInt128, high above: UInt64) {
        let (difference, borrow) = low.subtractingReportingOverflow(other)
        low = difference
        high = high &- above &- (borrow ? 1 : 0)
    }
}
