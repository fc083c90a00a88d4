extension Registers {
    mutating func run(_ operation: IntegerOperation, _ step: Instruction, _ count: Int) {
        switch operation {
        case .add: integers(step, count) { $0.addingReportingOverflow($1) }
        case .subtract: integers(step, count) { $0.subtractingReportingOverflow($1) }
        case .multiply: integers(step, count) { $0.multipliedReportingOverflow(by: $1) }
        case .divide: division(step, count) { $0.dividedReportingOverflow(by: $1) }
        // The remainder of the least integer by -1 is 0, although its quotient is none.
        case .remainder: division(step, count) { ($1 == -1 ? 0 : $0 % $1, false) }
        case .negate: integer(step, count) { Int64(0).subtractingReportingOverflow($0) }
        case .abs: integer(step, count) { $0 < 0 ? Int64(0).subtractingReportingOverflow($0) : ($0, false) }
        case .sign: map(step, count) { UInt64(bitPattern: $0.integer.signum()) }
        case .clip: clip(step, count)
        case .round:
            tryMap(step, count) { number, digits, nulls in
                guard let rounded = Rounding.round(number.integer, digits: digits.integer) else {
                    nulls.add(.overflow)
                    return nil
                }
                return UInt64(bitPattern: rounded)
            }
        }
    }

    @inline(__always)
    private mutating func integer(_ step: Instruction, _ count: Int, _ body: (Int64) -> (Int64, Bool)) {
        tryMap(step, count) { number, nulls in
            let (result, overflow) = body(number.integer)
            if overflow {
                nulls.add(.overflow)
                return nil
            }
            return UInt64(bitPattern: result)
        }
    }

    @inline(__always)
    private mutating func integers(_ step: Instruction, _ count: Int, _ body: (Int64, Int64) -> (Int64, Bool)) {
        tryMap(step, count) { left, right, nulls in
            let (result, overflow) = body(left.integer, right.integer)
            if overflow {
                nulls.add(.overflow)
                return nil
            }
            return UInt64(bitPattern: result)
        }
    }

    @inline(__always)
    private mutating func division(_ step: Instruction, _ count: Int, _ body: (Int64, Int64) -> (Int64, Bool)) {
        tryMap(step, count) { left, right, nulls in
            if right == 0 {
                nulls.add(.divisionByZero)
                return nil
            }
            let (result, overflow) = body(left.integer, right.integer)
            if overflow {
                nulls.add(.overflow)
                return nil
            }
            return UInt64(bitPattern: result)
        }
    }

    private mutating func clip(_ step: Instruction, _ count: Int) {
        heapMap(step, count) { number, low, high, _, nulls in
            if low.integer > high.integer {
                nulls.add(.outsideDomain)
                return nil
            }
            return UInt64(bitPattern: min(max(number.integer, low.integer), high.integer))
        }
    }
}

/// Rounding to a number of decimal places, half away from zero.
enum Rounding {
    /// Powers of ten that float64 holds exactly.
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
        1e22,
    ]
    static let digitsMax: Int64 = 22

    /// `nil` where the digits are more than float64's exact powers of ten have.
    static func round(_ number: Double, digits: Int64) -> Double? {
        guard digits.magnitude <= UInt64(digitsMax) else { return nil }
        let power = powers[Int(digits.magnitude)]
        if digits < 0 { return (number / power).rounded() * power }
        let scaled = number * power
        return scaled.isFinite ? scaled.rounded() / power : number
    }

    /// `nil` where the result is no int64.
    static func round(_ number: Int64, digits: Int64) -> Int64? {
        if digits >= 0 { return number }
        if digits < -19 { return 0 }
        var unit: Int128 = 1
        for _ in 0..<(-digits) { unit *= 10 }
        let magnitude = (Int128(number.magnitude) + unit / 2) / unit * unit
        return Int64(exactly: number < 0 ? -magnitude : magnitude)
    }
}
