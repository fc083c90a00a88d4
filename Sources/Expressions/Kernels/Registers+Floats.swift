extension Registers {
    mutating func run(_ operation: FloatOperation, _ step: Instruction, _ count: Int) {
        switch operation {
        case .add: floats(step, count) { $0 + $1 }
        case .subtract: floats(step, count) { $0 - $1 }
        case .multiply: floats(step, count) { $0 * $1 }
        case .divide: division(step, count) { $0 / $1 }
        case .truncatingDivide: division(step, count) { ($0 / $1).rounded(.towardZero) }
        case .remainder: division(step, count) { $0.truncatingRemainder(dividingBy: $1) }
        case .negate: float(step, count) { -$0 }
        case .abs: float(step, count) { $0.magnitude }
        case .sign: float(step, count) { $0 > 0 ? 1 : $0 < 0 ? -1 : $0.isNaN ? $0 : 0 }
        case .clip: clip(step, count)
        case .floor: float(step, count) { $0.rounded(.down) }
        case .ceil: float(step, count) { $0.rounded(.up) }
        case .round: float(step, count) { $0.rounded() }
        case .trunc: float(step, count) { $0.rounded(.towardZero) }
        case .roundDigits:
            tryMap(step, count) { number, digits, nulls in
                guard let rounded = Rounding.round(number.float, digits: digits.integer) else {
                    nulls.add(.outsideDomain)
                    return nil
                }
                return rounded.bitPattern
            }
        case .radians: float(step, count) { $0 * Angles.radiansPerDegree }
        case .isNaN: map(step, count) { UInt64($0.float.isNaN) }
        case .isInfinite: map(step, count) { UInt64($0.float.isInfinite) }
        case .exp: float(step, count) { Elementary.exp($0) }
        case .atan2: floats(step, count) { Elementary.atan2($0, $1) }
        case .sqrt, .ln, .log10, .log2, .log1p, .pow, .sin, .cos, .asin: runWithDomain(operation, step, count)
        case .haversine: haversine(step, count)
        }
    }

    private mutating func runWithDomain(_ operation: FloatOperation, _ step: Instruction, _ count: Int) {
        switch operation {
        case .sqrt: float(step, count, inside: { !($0 < 0) }, { $0.squareRoot() })
        case .ln: float(step, count, inside: { !($0 <= 0) }, { Elementary.ln($0) })
        case .log10: float(step, count, inside: { !($0 <= 0) }, { Elementary.log10($0) })
        case .log2: float(step, count, inside: { !($0 <= 0) }, { Elementary.log2($0) })
        case .log1p: float(step, count, inside: { !($0 <= -1) }, { Elementary.log1p($0) })
        case .sin: float(step, count, inside: { !$0.isInfinite }, { Elementary.sin($0) })
        case .cos: float(step, count, inside: { !$0.isInfinite }, { Elementary.cos($0) })
        case .asin: float(step, count, inside: { !($0.magnitude > 1) }, { Elementary.asin($0) })
        default:
            tryMap(step, count) { left, right, nulls in
                let (base, exponent) = (left.float, right.float)
                let result = Elementary.pow(base, exponent)
                // A fraction as the power of a negative number, or a negative power of zero.
                if result.isNaN && !base.isNaN && !exponent.isNaN || base == 0 && exponent < 0 {
                    nulls.add(.outsideDomain)
                    return nil
                }
                return result.bitPattern
            }
        }
    }

    @inline(__always)
    private mutating func float(_ step: Instruction, _ count: Int, _ body: (Double) -> Double) {
        map(step, count) { body($0.float).bitPattern }
    }

    @inline(__always)
    private mutating func floats(_ step: Instruction, _ count: Int, _ body: (Double, Double) -> Double) {
        map(step, count) { body($0.float, $1.float).bitPattern }
    }

    @inline(__always)
    private mutating func float(
        _ step: Instruction, _ count: Int, inside: (Double) -> Bool, _ body: (Double) -> Double
    ) {
        tryMap(step, count) { number, nulls in
            if inside(number.float) { return body(number.float).bitPattern }
            nulls.add(.outsideDomain)
            return nil
        }
    }

    @inline(__always)
    private mutating func division(_ step: Instruction, _ count: Int, _ body: (Double, Double) -> Double) {
        tryMap(step, count) { left, right, nulls in
            if right.float != 0 { return body(left.float, right.float).bitPattern }
            nulls.add(.divisionByZero)
            return nil
        }
    }

    private mutating func clip(_ step: Instruction, _ count: Int) {
        heapMap(step, count) { number, low, high, _, nulls in
            if Order.precedes(high.float, low.float) {
                nulls.add(.outsideDomain)
                return nil
            }
            let value = number.float
            if value.isNaN { return number }
            return Order.precedes(value, low.float) ? low : Order.precedes(high.float, value) ? high : number
        }
    }

    private mutating func haversine(_ step: Instruction, _ count: Int) {
        let (out, a, b, c, d) = (step.out &* rows, step.a &* rows, step.b &* rows, step.c &* rows, step.d &* rows)
        for row in 0..<count {
            var result: Double?
            if valid[a &+ row] & valid[b &+ row] & valid[c &+ row] & valid[d &+ row] != 0 {
                result = Angles.haversine(
                    words[a &+ row].float, words[b &+ row].float, words[c &+ row].float, words[d &+ row].float)
                if result == nil { nulls.add(.outsideDomain) }
            }
            words[out &+ row] = result?.bitPattern ?? 0
            valid[out &+ row] = result == nil ? 0 : 1
        }
    }
}

enum Angles {
    static let radiansPerDegree = 0x1.1df46a2529d39p-6
    /// Kilometres: the mean radius of the earth by the IUGG.
    private static let earthRadius = 6371.0088

    /// Kilometres between two points in degrees; `nil` for a latitude beyond a pole or a longitude that is infinite.
    ///
    /// The order of the operations is part of the language.
    static func haversine(_ latitude: Double, _ longitude: Double, _ otherLatitude: Double, _ otherLongitude: Double) -> Double? {
        if latitude.isNaN || longitude.isNaN || otherLatitude.isNaN || otherLongitude.isNaN { return .nan }
        guard latitude.magnitude <= 90, otherLatitude.magnitude <= 90, longitude.isFinite, otherLongitude.isFinite else {
            return nil
        }
        let first = latitude * radiansPerDegree
        let second = otherLatitude * radiansPerDegree
        let up = Elementary.sin((second - first) / 2)
        let across = Elementary.sin((otherLongitude * radiansPerDegree - longitude * radiansPerDegree) / 2)
        let chord = up * up + Elementary.cos(first) * Elementary.cos(second) * (across * across)
        return 2 * earthRadius * Elementary.asin(min(1, chord.squareRoot()))
    }
}
