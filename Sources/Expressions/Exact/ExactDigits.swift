/// An integer of any size that grows by addition, in digits of 32 bits that are carried late.
///
/// A digit is an Int64: each addition puts less than 2^32 into it, so that about 2^30 additions and merges fit before `carry`
/// brings all digits but the last one back between 0 and 2^32. Only digits between the lowest and the highest that were ever
/// touched are kept, and `carry` drops those that cancelled.
///
/// *Source*: the late carries are those of Neal, "Fast exact summation using small and large superaccumulators" (2015).
struct ExactDigits: Sendable {
    /// The digit at index i counts 2^(32·(`first` + i)). Without a carry it lies within ±2^32·(`pending` + 1).
    private(set) var digits: [Int64] = []
    private(set) var first: Int32 = 0
    /// How many additions the digits hold uncarried.
    private(set) var pending: UInt32 = 0

    private static let pendingMax: UInt32 = 1 << 30

    init() {}

    init(_ number: UInt128) {
        add(UInt128(truncatingIfNeeded: number & 0xFFFF_FFFF_FFFF_FFFF), at: 0, negative: false)
        add(number >> 64, at: 64, negative: false)
    }

    // MARK: - Adding

    /// Adds ±`number` · 2^`bit`.
    @inline(__always)
    mutating func add(_ number: UInt64, at bit: Int, negative: Bool) {
        let shift = UInt64(truncatingIfNeeded: bit & 31)
        let low = number &<< shift
        // A shift by 64 in two steps.
        let high = (number &>> 1) &>> (63 &- shift)
        let index = place(bit &>> 5, count: 3)
        // The sign in all bits: (x ^ sign) - sign is -x where they are ones.
        let sign: Int64 = negative ? -1 : 0
        var span = digits.mutableSpan
        span[index] &+= (Int64(truncatingIfNeeded: low & 0xFFFF_FFFF) ^ sign) &- sign
        span[index &+ 1] &+= (Int64(truncatingIfNeeded: low &>> 32) ^ sign) &- sign
        span[index &+ 2] &+= (Int64(truncatingIfNeeded: high) ^ sign) &- sign
        counted()
    }

    /// Adds ±`number` · 2^`bit`.
    @inline(__always)
    mutating func add(_ number: UInt128, at bit: Int, negative: Bool) {
        let shift = UInt128(truncatingIfNeeded: bit & 31)
        let low = number &<< shift
        let high = (number &>> 1) &>> (127 &- shift)
        let index = place(bit &>> 5, count: 5)
        let sign: Int64 = negative ? -1 : 0
        var span = digits.mutableSpan
        for part in 0..<4 {
            let digit = Int64(truncatingIfNeeded: low &>> UInt128(32 &* part) & 0xFFFF_FFFF)
            span[index &+ part] &+= (digit ^ sign) &- sign
        }
        span[index &+ 4] &+= (Int64(truncatingIfNeeded: high) ^ sign) &- sign
        counted()
    }

    /// Adds or subtracts another number.
    mutating func merge(_ other: ExactDigits, negative: Bool) {
        if other.digits.isEmpty { return }
        var other = other
        if pending + other.pending >= Self.pendingMax {
            carry()
            other.carry()
            if other.digits.isEmpty { return }
        }
        let index = place(Int(other.first), count: other.digits.count)
        var span = digits.mutableSpan
        for part in other.digits.indices {
            if negative { span[index + part] -= other.digits[part] } else { span[index + part] += other.digits[part] }
        }
        pending += other.pending + 1
    }

    @inline(__always)
    private mutating func counted() {
        pending &+= 1
        if pending >= Self.pendingMax { carry() }
    }

    /// The index of a digit, after room was made for it and those behind it.
    @inline(__always)
    private mutating func place(_ digit: Int, count: Int) -> Int {
        let index = digit &- Int(first)
        if index >= 0 && index &+ count <= digits.count { return index }
        return widened(digit, count: count)
    }

    @inline(never)
    private mutating func widened(_ digit: Int, count: Int) -> Int {
        if digits.isEmpty { first = Int32(digit) }
        let below = max(0, Int(first) - digit)
        if below > 0 {
            digits.insert(contentsOf: repeatElement(0, count: below), at: 0)
            first -= Int32(below)
        }
        let index = digit - Int(first)
        let above = index + count - digits.count
        if above > 0 { digits.append(contentsOf: repeatElement(0, count: above)) }
        return index
    }

    // MARK: - Carrying

    /// Brings all digits but the last one between 0 and 2^32, the last one between -2^32 and 2^32, and drops zeros at both ends.
    mutating func carry() {
        pending = 0
        if digits.isEmpty { return }
        var carried: Int64 = 0
        for index in digits.indices.dropLast() {
            let sum = digits[index] + carried
            digits[index] = sum & 0xFFFF_FFFF
            carried = sum >> 32
        }
        var last = digits.removeLast() + carried
        while last < -1 << 32 || last > 1 << 32 {
            digits.append(last & 0xFFFF_FFFF)
            last >>= 32
        }
        // Digits in front of a negative one that only repeat its sign are one with the next.
        while let next = digits.last, last == 0 || last == -1 {
            last = last << 32 + next
            digits.removeLast()
        }
        if last != 0 { digits.append(last) }
        let zeros = digits.prefix { $0 == 0 }.count
        digits.removeFirst(zeros)
        first += Int32(zeros)
    }

    // MARK: - Reading

    /// What is carried out of the last digit: the number's sign, where it is not between 0 and 2^(32·count).
    private var carriedOut: Int64 {
        var carried: Int64 = 0
        for digit in digits { carried = (digit + carried) >> 32 }
        return carried
    }

    /// Whether the number is 0.
    var isZero: Bool {
        var carried: Int64 = 0
        for digit in digits {
            let sum = digit + carried
            if sum & 0xFFFF_FFFF != 0 { return false }
            carried = sum >> 32
        }
        return carried == 0
    }

    /// The magnitude's digits of 32 bits, each below 2^32, with those that carries run into.
    @inline(__always)
    func withMagnitude(_ body: (_ place: Int, _ digit: UInt64) -> Void) -> Bool {
        let negative = carriedOut < 0
        var carried: Int64 = 0
        for (index, digit) in digits.enumerated() {
            let sum = (negative ? -digit : digit) + carried
            body(Int(first) + index, UInt64(sum & 0xFFFF_FFFF))
            carried = sum >> 32
        }
        if carried != 0 { body(Int(first) + digits.count, UInt64(carried)) }
        return negative
    }

    /// The nearest float64 to the number times 2^`unit`; ties go to even, and a zero is +0.
    func rounded(unit: Int) -> Double {
        // The highest digit that is not zero, the two below it, and whether anything lies below those.
        var top: (place: Int, digits: UInt128, more: Bool) = (0, 0, false)
        var recent: UInt128 = 0
        var below = false
        let negative = withMagnitude { place, digit in
            below = below || recent & 0xFFFF_FFFF != 0
            recent = UInt128(digit) &<< 64 | recent &>> 32
            if digit != 0 { top = (place, recent, below) }
        }
        return Double(
            negative: negative, magnitude: top.digits, more: top.more, unit: 32 * (top.place - 2) + unit)
    }
}

extension ExactDigits: Equatable {
    static func == (left: ExactDigits, right: ExactDigits) -> Bool {
        var difference = left
        difference.merge(right, negative: true)
        return difference.isZero
    }
}

extension Double {
    /// The nearest to ±`magnitude` · 2^`unit`, or where there is `more`, to what lies between that and the next integer.
    init(negative: Bool, magnitude: UInt128, more: Bool, unit: Int) {
        if magnitude == 0 {
            self = 0
            return
        }
        let zeros = magnitude.leadingZeroBitCount
        let shifted = magnitude &<< UInt128(zeros)
        // A float64 takes 53 of the 64 bits at most: in the last one stands whether anything follows.
        let lost: UInt64 = more || UInt64(truncatingIfNeeded: shifted) != 0 ? 1 : 0
        self = Elementary.composed(negative: negative, Elementary.high(shifted) | lost, exponent: 127 - zeros + unit)
    }
}
