import FeatureModel

@testable import Expressions

/// The rules of the language over boxed values, one at a time and in the simplest way: what the kernels are held against.
enum NaiveRules {
    static func integer(_ value: Value) -> Int128 {
        switch value {
        case .int32(let number): Int128(number)
        case .int64(let number), .timestamp(let number): Int128(number)
        case .bool(let value): value ? 1 : 0
        default: preconditionFailure("no integer: \(value)")
        }
    }

    static func isInteger(_ value: Value) -> Bool {
        switch value {
        case .int32, .int64: true
        default: false
        }
    }

    static func float(_ value: Value) -> Double {
        switch value {
        case .float32(let number): Double(number)
        case .float64(let number): number
        default: Double(integer(value))
        }
    }

    static func text(_ value: Value) -> [Unicode.Scalar] { Array(string(value).unicodeScalars) }
    static func string(_ value: Value) -> String {
        if case .string(let text) = value { return text.description }
        preconditionFailure("no text: \(value)")
    }
    static func string(_ scalars: some Sequence<Unicode.Scalar>) -> Value {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return .string(ByteString(text))
    }
    static func list(_ value: Value) -> [Value] {
        if case .array(let elements) = value { return elements }
        preconditionFailure("no list: \(value)")
    }

    static func int64(_ number: Int128) -> Value { Int64(exactly: number).map { .int64($0) } ?? .null }

    /// What leaves an expression: one NaN.
    static func leaving(_ value: Value) -> Value {
        switch value {
        case .float32(let number) where number.isNaN: .float32(Float(bitPattern: 0x7FC0_0000))
        case .float64(let number) where number.isNaN: .float64(Double(bitPattern: 0x7FF8_0000_0000_0000))
        case .array(let values): .array(values.map(leaving))
        case .vector(let values): .vector(values.map { $0.isNaN ? Float(bitPattern: 0x7FC0_0000) : $0 })
        default: value
        }
    }

    // MARK: Order

    /// -1, 0 or 1; NaN is equal to itself and above all else, and zeros are equal.
    static func compare(_ left: Value, _ right: Value) -> Int {
        switch (left, right) {
        case (.string(let first), .string(let second)), (.bytes(let first), .bytes(let second)):
            return first == second ? 0 : first < second ? -1 : 1
        default: break
        }
        func isFloat(_ value: Value) -> Bool {
            switch value {
            case .float32, .float64: true
            default: false
            }
        }
        switch (isFloat(left), isFloat(right)) {
        case (false, false): return (integer(left) - integer(right)).signum() < 0 ? -1 : integer(left) == integer(right) ? 0 : 1
        case (true, true):
            let (first, second) = (float(left), float(right))
            if first.isNaN || second.isNaN { return first.isNaN && second.isNaN ? 0 : first.isNaN ? 1 : -1 }
            return first < second ? -1 : first > second ? 1 : 0
        case (true, false): return -compare(right, left)
        case (false, true):
            let number = float(right)
            if number.isNaN || number >= 0x1p100 { return -1 }
            if number <= -0x1p100 { return 1 }
            let below = Int128(number.rounded(.down))
            if integer(left) != below { return integer(left) < below ? -1 : 1 }
            return number > number.rounded(.down) ? -1 : 0
        }
    }

    /// The same where -0 stands before 0.
    static func order(_ left: Value, _ right: Value) -> Int {
        let order = compare(left, right)
        guard order == 0 else { return order }
        switch (left, right) {
        case (.float64(let first), .float64(let second)) where first == 0:
            return first.sign == second.sign ? 0 : first.sign == .minus ? -1 : 1
        case (.float32(let first), .float32(let second)) where first == 0:
            return first.sign == second.sign ? 0 : first.sign == .minus ? -1 : 1
        default: return 0
        }
    }

    // MARK: Numbers

    static func divide(_ left: Double, _ right: Double) -> Value { right == 0 ? .null : .float64(left / right) }

    static func remainder(_ left: Value, _ right: Value, isFloat: Bool) -> Value {
        if isFloat {
            return float(right) == 0 ? .null : .float64(float(left).truncatingRemainder(dividingBy: float(right)))
        }
        return integer(right) == 0 ? .null : int64(integer(left) % integer(right))
    }

    static func quotient(_ left: Value, _ right: Value, isFloat: Bool) -> Value {
        if isFloat { return float(right) == 0 ? .null : .float64((float(left) / float(right)).rounded(.towardZero)) }
        return integer(right) == 0 ? .null : int64(integer(left) / integer(right))
    }

    /// Half away from zero, by what stands behind the point.
    static func halfAway(_ number: Double) -> Double {
        guard number.isFinite else { return number }
        let whole = number.rounded(.towardZero)
        if (number - whole).magnitude >= 0.5 { return whole + (number < 0 ? -1 : 1) }
        return whole == 0 ? Double(sign: number.sign, exponent: 0, significand: 0) : whole
    }

    static func round(_ number: Double, _ digits: Int128) -> Value {
        guard digits >= -22, digits <= 22 else { return .null }
        var power = 1.0
        for _ in 0..<Int(digits.magnitude) { power *= 10 }
        if digits < 0 { return .float64(halfAway(number / power) * power) }
        return .float64((number * power).isFinite ? halfAway(number * power) / power : number)
    }

    static func round(_ number: Int128, _ digits: Int128) -> Value {
        if digits >= 0 { return int64(number) }
        if digits < -25 { return .int64(0) }
        var unit: Int128 = 1
        for _ in 0..<Int(-digits) { unit *= 10 }
        let rest = number.magnitude % unit.magnitude
        let up = rest * 2 >= unit.magnitude
        let rounded = Int128(number.magnitude - rest) + (up ? unit : 0)
        return int64(number < 0 ? -rounded : rounded)
    }

    static func haversine(_ values: [Double]) -> Value {
        if values.contains(where: \.isNaN) { return .float64(.nan) }
        if abs(values[0]) > 90 || abs(values[2]) > 90 || values.contains(where: \.isInfinite) { return .null }
        let radians = values.map { $0 * (Double.pi / 180) }
        let up = Elementary.sin((radians[2] - radians[0]) * 0.5)
        let across = Elementary.sin((radians[3] - radians[1]) * 0.5)
        let chord = up * up + Elementary.cos(radians[0]) * Elementary.cos(radians[2]) * (across * across)
        return .float64(12_742.0176 * Elementary.asin(min(1, chord.squareRoot())))
    }

    // MARK: Text

    static func ascii(_ value: Value, upper: Bool) -> Value {
        string(
            text(value).map { scalar in
                guard scalar.isASCII, scalar.properties.isAlphabetic else { return scalar }
                let letters = upper ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
                return letters.unicodeScalars.first!
            })
    }

    /// Where a piece begins for the first time.
    static func place(_ piece: [Unicode.Scalar], _ text: [Unicode.Scalar], from: Int = 0) -> Int? {
        var start = from
        while start + piece.count <= text.count {
            if Array(text[start..<start + piece.count]) == piece { return start }
            start += 1
        }
        return nil
    }

    static func pieces(_ text: [Unicode.Scalar], _ separator: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        if separator.isEmpty { return text.map { [$0] } }
        guard let place = place(separator, text) else { return [text] }
        return [Array(text[..<place])] + pieces(Array(text[(place + separator.count)...]), separator)
    }

    static func substring(_ text: [Unicode.Scalar], _ start: Int128, _ count: Int128) -> Value {
        if count < 0 { return .null }
        let first = start < 0 ? start + Int128(text.count) + 1 : start
        return string(
            text.enumerated().filter { Int128($0.offset) + 1 >= first && Int128($0.offset) + 1 < first + count }.map(\.element))
    }

    // MARK: Times

    /// Year, month, day, day of the year and of the week, by walking through the years of a 400-year cycle.
    static func date(_ days: Int128) -> (year: Int128, month: Int128, day: Int128, dayOfYear: Int128, dayOfWeek: Int128) {
        func floor(_ number: Int128, _ divisor: Int128) -> Int128 {
            number / divisor - (number % divisor < 0 ? 1 : 0)
        }
        // 1970-01-01 lies 135,140 days behind 1600-01-01.
        let cycle = floor(days + 135_140, 146_097)
        var rest = days + 135_140 - cycle * 146_097
        var year: Int128 = 1_600 + cycle * 400
        func isLeap(_ year: Int128) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        while rest >= (isLeap(year) ? 366 : 365) {
            rest -= isLeap(year) ? 366 : 365
            year += 1
        }
        let dayOfYear = rest + 1
        var month: Int128 = 1
        for length in [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30] as [Int128] {
            if rest < length { break }
            rest -= length
            month += 1
        }
        let week = (days + 3) - floor(days + 3, 7) * 7
        return (year, month, rest + 1, dayOfYear, week + 1)
    }

    static func local(_ value: Value, _ offset: Int128) -> (days: Int128, rest: Int128)? {
        let local = integer(value) + offset
        guard Int64(exactly: local) != nil else { return nil }
        let day: Int128 = 86_400_000_000
        let days = local / day - (local % day < 0 ? 1 : 0)
        return (days, local - days * day)
    }

    static func truncate(_ value: Value, _ unit: String, _ offset: Int128) -> Value {
        guard let (days, rest) = local(value, offset) else { return .null }
        let day: Int128 = 86_400_000_000
        let date = date(days)
        let start: Int128
        switch unit {
        case "second": start = days * day + rest / 1_000_000 * 1_000_000
        case "minute": start = days * day + rest / 60_000_000 * 60_000_000
        case "hour": start = days * day + rest / 3_600_000_000 * 3_600_000_000
        case "day": start = days * day
        case "week": start = (days - date.dayOfWeek + 1) * day
        case "month": start = (days - date.day + 1) * day
        case "year": start = (days - date.dayOfYear + 1) * day
        default:
            var first = days
            while !((self.date(first).month - 1) % 3 == 0 && self.date(first).day == 1) { first -= 1 }
            start = first * day
        }
        return Int64(exactly: start - offset).map { .timestamp($0) } ?? .null
    }

    // MARK: Lists

    static func elements(_ value: Value) -> [Value] { list(value).filter { !$0.isNull } }

    static func distinct(_ values: [Value]) -> [Value] {
        var distinct: [Value] = []
        for value in values where !distinct.contains(where: { compare($0, value) == 0 }) { distinct.append(value) }
        return distinct
    }

    static func sum(_ values: [Double]) -> Double {
        var sum = ExactSum()
        for value in values { sum.add(value) }
        return sum.rounded
    }

    /// An integer as two floats that have it exactly together.
    static func halves(_ value: Value) -> [Double] {
        let number = integer(value)
        let low = number & 0xFFFF_FFFF
        return [Double(number - low), Double(low)]
    }

    // MARK: Vectors

    static func lanes(_ terms: [Double]) -> Double {
        var lanes = Array(repeating: 0.0, count: 8)
        for (index, term) in terms.enumerated() { lanes[index % 8] += term }
        let half = (0..<4).map { lanes[$0] + lanes[$0 + 4] }
        return (half[0] + half[2]) + (half[1] + half[3])
    }

    static func vector(_ value: Value) -> [Double] {
        if case .vector(let elements) = value { return elements.map { Double($0) } }
        preconditionFailure("no vector: \(value)")
    }

    static func dot(_ left: Value, _ right: Value) -> Double { lanes(zip(vector(left), vector(right)).map { $0 * $1 }) }

    // MARK: Hashes

    static func canonicalBytes(_ value: Value) -> [UInt8] {
        func number(_ bits: UInt64) -> [UInt8] { (0..<8).map { UInt8(bits >> (8 * $0) & 0xFF) } }
        func length(_ count: Int) -> [UInt8] { Array(number(UInt64(count))[..<4]) }
        switch value {
        case .null: return []
        case .bool(let value): return [value ? 1 : 0]
        case .int32, .int64, .timestamp: return number(UInt64(bitPattern: Int64(integer(value))))
        case .float32, .float64:
            let float = float(value)
            return number(float.isNaN ? 0x7FF8 << 48 : float == 0 ? 0 : float.bitPattern)
        case .string(let text), .bytes(let text): return length(text.bytes.count) + text.bytes
        case .array(let values): return length(values.count) + values.flatMap { $0.isNull ? [0] : [1] + canonicalBytes($0) }
        case .vector(let values): return values.flatMap { canonicalBytes(.float32($0)) }
        }
    }

    static func hash(_ value: Value) -> UInt64 { XXH64.hash(canonicalBytes(value)) }
}
