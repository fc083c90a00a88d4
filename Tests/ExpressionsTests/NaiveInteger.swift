/// Integers of any size by the book, slow and plain: what the exact sums are compared with.
struct NaiveInteger {
    /// Of 32 bits each, the lowest first; the highest is not 0.
    var digits: [UInt32] = []
    var isNegative = false

    init() {}

    init(_ number: Int) {
        isNegative = number < 0
        digits = [UInt32(truncatingIfNeeded: number.magnitude), UInt32(number.magnitude >> 32)]
        trim()
    }

    /// A finite float64 times 2^1074.
    init(_ value: Double) {
        let exponent = max(Int(value.exponentBitPattern), 1) - 1
        let hidden: UInt64 = value.exponentBitPattern > 0 ? 1 << 52 : 0
        self = NaiveInteger(Int(value.significandBitPattern | hidden)).shifted(exponent)
        isNegative = value.sign == .minus && !digits.isEmpty
    }

    private mutating func trim() {
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { isNegative = false }
    }

    func shifted(_ bits: Int) -> NaiveInteger {
        var power = NaiveInteger()
        power.digits = Array(repeating: 0, count: bits / 32) + [1 << UInt32(bits % 32)]
        return self * power
    }

    private static func isLess(_ left: [UInt32], _ right: [UInt32]) -> Bool {
        if left.count != right.count { return left.count < right.count }
        for (one, other) in zip(left, right).reversed() where one != other { return one < other }
        return false
    }

    static prefix func - (number: NaiveInteger) -> NaiveInteger {
        var result = number
        result.isNegative = !number.isNegative && !number.digits.isEmpty
        return result
    }

    static func + (left: NaiveInteger, right: NaiveInteger) -> NaiveInteger {
        var result = NaiveInteger()
        if left.isNegative == right.isNegative {
            var carry: UInt64 = 0
            for index in 0...max(left.digits.count, right.digits.count) {
                let one = index < left.digits.count ? UInt64(left.digits[index]) : 0
                let other = index < right.digits.count ? UInt64(right.digits[index]) : 0
                result.digits.append(UInt32(truncatingIfNeeded: one + other + carry))
                carry = (one + other + carry) >> 32
            }
            result.isNegative = left.isNegative
        } else {
            let swapped = isLess(left.digits, right.digits)
            let (greater, lesser) = swapped ? (right, left) : (left, right)
            var borrow: Int64 = 0
            for index in greater.digits.indices {
                let other = index < lesser.digits.count ? Int64(lesser.digits[index]) : 0
                let difference = Int64(greater.digits[index]) - other + borrow
                result.digits.append(UInt32(truncatingIfNeeded: difference))
                borrow = difference >> 32
            }
            result.isNegative = greater.isNegative
        }
        result.trim()
        return result
    }

    static func - (left: NaiveInteger, right: NaiveInteger) -> NaiveInteger { left + -right }

    static func * (left: NaiveInteger, right: NaiveInteger) -> NaiveInteger {
        var result = NaiveInteger()
        result.digits = Array(repeating: 0, count: left.digits.count + right.digits.count)
        for (at, one) in left.digits.enumerated() {
            var carry: UInt64 = 0
            for (place, other) in right.digits.enumerated() {
                let sum = UInt64(one) * UInt64(other) + UInt64(result.digits[at + place]) + carry
                result.digits[at + place] = UInt32(truncatingIfNeeded: sum)
                carry = sum >> 32
            }
            result.digits[at + right.digits.count] = UInt32(carry)
        }
        result.isNegative = left.isNegative != right.isNegative
        result.trim()
        return result
    }

    /// -1, 0 or 1.
    var sign: Int { digits.isEmpty ? 0 : isNegative ? -1 : 1 }
}

/// Whether a float64 is the nearest to a number over a divisor, where the number counts 2^-`unit`; ties go to even.
func isNearest(_ value: Double, to number: NaiveInteger, over divisor: NaiveInteger = NaiveInteger(1), unit: Int = 1074) -> Bool {
    if number.sign == 0 { return value == 0 && value.sign == .plus }
    if (value.sign == .minus) != number.isNegative { return false }
    let magnitude = number.isNegative ? -number : number
    // Twice the number against the sum of two neighbours times the divisor, all in units of 2^-unit or of 2^-1074, the smaller.
    let lifted = max(0, 1074 - unit)
    let doubled = magnitude.shifted(1 + lifted)
    let found = value.magnitude
    let even = found.bitPattern & 1 == 0
    func scaled(_ bits: UInt64) -> NaiveInteger {
        // The next after the greatest is 2^1024 here, and not infinity.
        let float = bits < 0x7FF << 52 ? NaiveInteger(Double(bitPattern: bits)) : NaiveInteger(1).shifted(1024 + 1074)
        return float.shifted(unit + lifted - 1074) * divisor
    }
    if found < .infinity {
        let above = (doubled - scaled(found.bitPattern) - scaled(found.bitPattern + 1)).sign
        if above > 0 || above == 0 && !even { return false }
    }
    if found > 0 {
        let below = (doubled - scaled(found.bitPattern) - scaled(found.bitPattern - 1)).sign
        if below < 0 || below == 0 && !even { return false }
    }
    return true
}
