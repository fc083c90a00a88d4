/// An integer of any size that grows by addition, in digits of 32 bits that are carried late.
///
/// A digit is an Int64: each addition puts less than 2^32 into it, so that about 2^30 additions and merges fit before `carry`
/// brings all digits but the last one back between 0 and 2^32. The digit at place p counts 2^(32·p).
///
/// Up to `width` digits that lie together stand in the value itself, which is all that usual data needs. What lies outside of
/// those goes into an array; a digit's value is then the sum of both. `carry` drops digits that cancelled.
///
/// *Source*: the late carries are those of Neal, "Fast exact summation using small and large superaccumulators" (2015).
struct ExactDigits<let width: Int>: Sendable {
    /// The digits from place `nearFirst` on.
    private var near = InlineArray<width, Int64>(repeating: 0)
    /// The digits from place `farFirst` on that were added outside of the near ones.
    private var far: [Int64] = []
    private var nearFirst: Int32 = 0
    private var farFirst: Int32 = 0
    /// How many additions the digits hold uncarried: each digit lies within ±2^32·(`pending` + 2).
    private var pending: UInt32 = 0

    private static var pendingMax: UInt32 { 1 << 30 }

    init() {}

    init(_ number: UInt128) { add(number, at: 0, negative: false) }

    // MARK: - Adding

    /// Adds ±`number` · 2^`bit`.
    @inline(__always)
    mutating func add(_ number: UInt64, at bit: Int, negative: Bool) {
        let shift = UInt64(truncatingIfNeeded: bit & 31)
        let low = number &<< shift
        // A shift by 64 in two steps.
        let high = (number &>> 1) &>> (63 &- shift)
        // The sign in all bits: (x ^ sign) - sign is -x where they are ones.
        let sign: Int64 = negative ? -1 : 0
        let digits: InlineArray<3, Int64> = [
            (Int64(truncatingIfNeeded: low & 0xFFFF_FFFF) ^ sign) &- sign,
            (Int64(truncatingIfNeeded: low &>> 32) ^ sign) &- sign,
            (Int64(truncatingIfNeeded: high) ^ sign) &- sign,
        ]
        add(digits, at: bit &>> 5)
    }

    /// Adds ±`number` · 2^`bit`.
    @inline(__always)
    mutating func add(_ number: UInt128, at bit: Int, negative: Bool) {
        let shift = UInt128(truncatingIfNeeded: bit & 31)
        let low = number &<< shift
        let high = (number &>> 1) &>> (127 &- shift)
        let sign: Int64 = negative ? -1 : 0
        var digits = InlineArray<5, Int64>(repeating: (Int64(truncatingIfNeeded: high) ^ sign) &- sign)
        for part in 0..<4 {
            let digit = Int64(truncatingIfNeeded: low &>> UInt128(32 &* part) & 0xFFFF_FFFF)
            digits[part] = (digit ^ sign) &- sign
        }
        add(digits, at: bit &>> 5)
    }

    @inline(__always)
    private mutating func add<let count: Int>(_ digits: InlineArray<count, Int64>, at place: Int) {
        let index = place &- Int(nearFirst)
        if index < 0 || index > width &- count || pending >= Self.pendingMax { return addOutside(digits, at: place) }
        for part in 0..<count { near[index &+ part] &+= digits[part] }
        pending &+= 1
    }

    /// Adds digits that the near ones have no place for, or that need a carry first.
    @inline(never)
    private mutating func addOutside<let count: Int>(_ digits: InlineArray<count, Int64>, at place: Int) {
        if pending >= Self.pendingMax { carry() }
        let index = moved(place, count: count)
        if index >= 0 {
            for part in 0..<count { near[index &+ part] &+= digits[part] }
        } else {
            let start = widened(place, count: count)
            for part in 0..<count { far[start &+ part] &+= digits[part] }
        }
        pending &+= 1
    }

    /// Adds or subtracts another number.
    @inline(__always)
    mutating func merge(_ other: ExactDigits, negative: Bool) {
        if nearFirst != other.nearFirst || !other.far.isEmpty || pending + other.pending >= Self.pendingMax {
            return mergeOutside(other, negative: negative)
        }
        for index in 0..<width {
            near[index] = negative ? near[index] &- other.near[index] : near[index] &+ other.near[index]
        }
        pending += other.pending + 1
    }

    @inline(never)
    private mutating func mergeOutside(_ other: ExactDigits, negative: Bool) {
        var other = other
        if pending + other.pending >= Self.pendingMax {
            carry()
            other.carry()
        }
        if let used = other.nearUsed {
            let place = Int(other.nearFirst) + used.lowerBound
            var index = place - Int(nearFirst)
            if index < 0 || index > width - used.count { index = moved(place, count: used.count) }
            let start = index < 0 ? widened(place, count: used.count) : 0
            for part in used {
                let digit = negative ? -other.near[part] : other.near[part]
                let step = part - used.lowerBound
                if index < 0 { far[start + step] += digit } else { near[index + step] += digit }
            }
        }
        if !other.far.isEmpty {
            let start = widened(Int(other.farFirst), count: other.far.count)
            for (part, digit) in other.far.enumerated() { far[start + part] += negative ? -digit : digit }
        }
        pending += other.pending + 1
    }

    /// The indices from the first to the last near digit that is not 0.
    private var nearUsed: Range<Int>? {
        var lower = 0
        while lower < width && near[lower] == 0 { lower += 1 }
        if lower == width { return nil }
        var upper = width
        while near[upper - 1] == 0 { upper -= 1 }
        return lower..<upper
    }

    /// Moves the near digits so that those at a place have room beside them, and gives the index of that place; -1 where they
    /// lie too far from each other.
    @inline(never)
    private mutating func moved(_ place: Int, count: Int) -> Int {
        if count > width { return -1 }
        guard let used = nearUsed else {
            nearFirst = Int32(place)
            return 0
        }
        let lowest = min(place, Int(nearFirst) + used.lowerBound)
        if max(place + count, Int(nearFirst) + used.upperBound) - lowest > width { return -1 }
        var result = InlineArray<width, Int64>(repeating: 0)
        for index in used { result[Int(nearFirst) + index - lowest] = near[index] }
        near = result
        nearFirst = Int32(lowest)
        return place - lowest
    }

    /// The index of a far digit, after room was made for it and those behind it.
    private mutating func widened(_ place: Int, count: Int) -> Int {
        if far.isEmpty { farFirst = Int32(place) }
        let below = max(0, Int(farFirst) - place)
        if below > 0 {
            far.insert(contentsOf: repeatElement(0, count: below), at: 0)
            farFirst -= Int32(below)
        }
        let index = place - Int(farFirst)
        let above = index + count - far.count
        if above > 0 { far.append(contentsOf: repeatElement(0, count: above)) }
        return index
    }

    // MARK: - Carrying

    /// Brings all digits but the last one between 0 and 2^32, the last one between -2^32 and 2^32, and drops zeros at both ends.
    mutating func carry() {
        var digits = places.map { digit(at: $0) }
        var first = places.lowerBound
        self = ExactDigits()
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
        first += zeros
        if digits.count <= width {
            nearFirst = Int32(first)
            for (index, digit) in digits.enumerated() { near[index] = digit }
        } else {
            farFirst = Int32(first)
            far = digits
        }
    }

    // MARK: - Reading

    /// The places that digits other than 0 may have.
    var places: Range<Int> {
        let others = Int(farFirst)..<Int(farFirst) + far.count
        guard let used = nearUsed else { return others }
        let places = Int(nearFirst) + used.lowerBound..<Int(nearFirst) + used.upperBound
        if far.isEmpty { return places }
        return min(places.lowerBound, others.lowerBound)..<max(places.upperBound, others.upperBound)
    }

    @inline(__always)
    private func digit(at place: Int) -> Int64 {
        let index = place &- Int(nearFirst)
        let digit = index >= 0 && index < width ? near[index] : 0
        if far.isEmpty { return digit }
        let other = place &- Int(farFirst)
        return other >= 0 && other < far.count ? digit &+ far[other] : digit
    }

    /// Whether the number is 0.
    var isZero: Bool {
        var carried: Int64 = 0
        for place in places {
            let sum = digit(at: place) + carried
            if sum & 0xFFFF_FFFF != 0 { return false }
            carried = sum >> 32
        }
        return carried == 0
    }

    /// Hands out the magnitude's digits from the lowest place on, each below 2^32, and gives whether the number is negative.
    @inline(__always)
    func withMagnitude(_ body: (_ place: Int, _ digit: UInt64) -> Void) -> Bool {
        let places = places
        // What is carried out of the last digit has the number's sign.
        var carried: Int64 = 0
        for place in places { carried = (digit(at: place) + carried) >> 32 }
        let negative = carried < 0
        carried = 0
        for place in places {
            let digit = digit(at: place)
            let sum = (negative ? -digit : digit) + carried
            body(place, UInt64(sum & 0xFFFF_FFFF))
            carried = sum >> 32
        }
        if carried != 0 { body(places.upperBound, UInt64(carried)) }
        return negative
    }

    /// The nearest float64 to the number times 2^`unit`; ties go to even, and a zero is +0.
    func rounded(unit: Int) -> Double {
        if far.isEmpty { return nearRounded(unit: unit) }
        // The highest digit that is not zero and the two below it, and whether anything lies below those.
        var top: (place: Int, digits: UInt128, more: Bool) = (0, 0, false)
        var recent: UInt128 = 0
        var below = false
        let negative = withMagnitude { place, digit in
            below = below || recent & 0xFFFF_FFFF != 0
            recent = UInt128(digit) &<< 64 | recent &>> 32
            if digit != 0 { top = (place, recent, below) }
        }
        return Double(negative: negative, magnitude: top.digits, more: top.more, unit: 32 * (top.place - 2) + unit)
    }

    /// The same where all digits are near ones.
    private func nearRounded(unit: Int) -> Double {
        var digits = near
        Self.carry(&digits)
        let negative = digits[width - 1] < 0
        if negative {
            for index in 0..<width { digits[index] = -near[index] }
            Self.carry(&digits)
        }
        var top = width - 1
        while top > 0 && digits[top] == 0 { top -= 1 }
        var magnitude = UInt128(UInt64(digits[top])) &<< 64
        if top > 0 { magnitude |= UInt128(UInt64(digits[top - 1])) &<< 32 }
        if top > 1 { magnitude |= UInt128(UInt64(digits[top - 2])) }
        var more = false
        for index in 0..<width where index < top - 2 { more = more || digits[index] != 0 }
        return Double(negative: negative, magnitude: magnitude, more: more, unit: 32 * (Int(nearFirst) + top - 2) + unit)
    }

    /// Brings all digits but the last one between 0 and 2^32.
    private static func carry(_ digits: inout InlineArray<width, Int64>) {
        var carried: Int64 = 0
        for index in 0..<width - 1 {
            let sum = digits[index] + carried
            digits[index] = sum & 0xFFFF_FFFF
            carried = sum >> 32
        }
        digits[width - 1] += carried
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
