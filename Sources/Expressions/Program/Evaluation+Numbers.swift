import FeatureModel

/// Arithmetic and functions of numbers.
extension Evaluation {
    // MARK: Integers

    func run(_ function: IntegerFunction, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let x = registers[inputs[0]].integers
        let y = inputs.count > 1 ? registers[inputs[1]].integers : x
        switch function {
        case .add: checked(count, &out) { x[$0].addingReportingOverflow(y[$0]) }
        case .subtract: checked(count, &out) { x[$0].subtractingReportingOverflow(y[$0]) }
        case .multiply: checked(count, &out) { x[$0].multipliedReportingOverflow(by: y[$0]) }
        case .negate: checked(count, &out) { Int64(0).subtractingReportingOverflow(x[$0]) }
        case .absolute: checked(count, &out) { x[$0] < 0 ? Int64(0).subtractingReportingOverflow(x[$0]) : (x[$0], false) }
        case .sign: for row in 0..<count { out.integers[row] = x[row].signum() }
        case .divide:
            refuse(.divisionByZero, count, &out) { y[$0] == 0 }
            checked(count, &out) { y[$0] == 0 ? (0, false) : x[$0].dividedReportingOverflow(by: y[$0]) }
        case .modulo:
            refuse(.divisionByZero, count, &out) { y[$0] == 0 }
            // What is left of the least integer by -1 is 0, though the quotient does not fit.
            for row in 0..<count { out.integers[row] = y[row] == 0 || y[row] == -1 ? 0 : x[row] % y[row] }
        }
    }

    @inline(__always)
    private func checked(_ count: Int, _ out: inout Lanes, _ body: (Int) -> (partialValue: Int64, overflow: Bool)) {
        var overflows = 0
        for row in 0..<count {
            let (value, overflow) = body(row)
            out.integers[row] = value
            if overflow, out.valid[row] {
                out.valid[row] = false
                overflows += 1
            }
        }
        add(.overflow, overflows)
    }

    /// Makes rows null that are outside of what a function takes.
    @inline(__always)
    func refuse(_ reason: NullReason, _ count: Int, _ out: inout Lanes, where isOutside: (Int) -> Bool) {
        var refused = 0
        for row in 0..<count where out.valid[row] && isOutside(row) {
            out.valid[row] = false
            refused += 1
        }
        add(reason, refused)
    }

    // MARK: Floats

    func run(_ function: FloatFunction, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let x = registers[inputs[0]].floats
        let y = inputs.count > 1 ? registers[inputs[1]].floats : x
        switch function {
        case .add: map(count, &out) { x[$0] + y[$0] }
        case .subtract: map(count, &out) { x[$0] - y[$0] }
        case .multiply: map(count, &out) { x[$0] * y[$0] }
        case .divide:
            refuse(.divisionByZero, count, &out) { y[$0] == 0 }
            map(count, &out) { x[$0] / y[$0] }
        case .modulo:
            refuse(.divisionByZero, count, &out) { y[$0] == 0 }
            map(count, &out) { x[$0].truncatingRemainder(dividingBy: y[$0]) }
        case .quotient:
            refuse(.divisionByZero, count, &out) { y[$0] == 0 }
            map(count, &out) { (x[$0] / y[$0]).rounded(.towardZero) }
        case .negate: map(count, &out) { -x[$0] }
        case .absolute: map(count, &out) { x[$0].magnitude }
        case .sign: map(count, &out) { x[$0] > 0 ? 1 : x[$0] < 0 ? -1 : x[$0] == 0 ? 0 : .nan }
        case .floor: map(count, &out) { x[$0].rounded(.down) }
        case .ceil: map(count, &out) { x[$0].rounded(.up) }
        case .round: map(count, &out) { x[$0].roundedAwayFromZero }
        case .truncate: map(count, &out) { x[$0].rounded(.towardZero) }
        case .roundTo:
            let digits = registers[inputs[1]].integers
            map(count, &out) { Self.round(x[$0], digits[$0]) }
        case .sqrt: within(count, &out, { x[$0] >= 0 || x[$0].isNaN }, { x[$0].squareRoot() })
        case .ln: within(count, &out, { x[$0] > 0 || x[$0].isNaN }, { Elementary.ln(x[$0]) })
        case .log2: within(count, &out, { x[$0] > 0 || x[$0].isNaN }, { Elementary.log2(x[$0]) })
        case .log10: within(count, &out, { x[$0] > 0 || x[$0].isNaN }, { Elementary.log10(x[$0]) })
        case .log1p: within(count, &out, { x[$0] > -1 || x[$0].isNaN }, { Elementary.log1p(x[$0]) })
        case .exp: within(count, &out, { _ in true }, { Elementary.exp(x[$0]) })
        case .pow: within(count, &out, { Self.hasPower(x[$0], y[$0]) }, { Elementary.pow(x[$0], y[$0]) })
        case .sin: within(count, &out, { !x[$0].isInfinite }, { Elementary.sin(x[$0]) })
        case .cos: within(count, &out, { !x[$0].isInfinite }, { Elementary.cos(x[$0]) })
        case .asin: within(count, &out, { x[$0].magnitude <= 1 || x[$0].isNaN }, { Elementary.asin(x[$0]) })
        case .atan2: within(count, &out, { _ in true }, { Elementary.atan2(x[$0], y[$0]) })
        case .radians: map(count, &out) { x[$0] * (Double.pi / 180) }
        case .haversine:
            let (otherLatitude, otherLongitude) = (registers[inputs[2]].floats, registers[inputs[3]].floats)
            let areFinite = { row in [x[row], y[row], otherLatitude[row], otherLongitude[row]].allSatisfy(\.isFinite) }
            within(count, &out, areFinite, { Self.haversine(x[$0], y[$0], otherLatitude[$0], otherLongitude[$0]) })
        case .isNaN: for row in 0..<count { out.bools[row] = x[row].isNaN }
        case .isInfinite: for row in 0..<count { out.bools[row] = x[row].isInfinite }
        }
    }

    @inline(__always)
    private func map(_ count: Int, _ out: inout Lanes, _ body: (Int) -> Double) {
        for row in 0..<count { out.floats[row] = body(row) }
    }

    /// Only rows that are there are worked on, as the functions take their time.
    @inline(__always)
    private func within(_ count: Int, _ out: inout Lanes, _ isInside: (Int) -> Bool, _ body: (Int) -> Double) {
        var outside = 0
        for row in 0..<count where out.valid[row] {
            if isInside(row) {
                out.floats[row] = body(row)
            } else {
                out.valid[row] = false
                outside += 1
            }
        }
        add(.domain, outside)
    }

    /// Powers of ten that a float64 holds exactly.
    private static let powersOfTen: [Double] = (0...22).reduce(into: []) { powers, _ in powers.append((powers.last ?? 0.1) * 10) }

    /// Halves go away from zero; digits in front of the point are counted below zero.
    private static func round(_ x: Double, _ digits: Int64) -> Double {
        guard x.isFinite, digits <= 22 else { return x }
        // No float64 is half as great as the next power of ten.
        guard digits >= -308 else { return x.sign == .minus ? -0.0 : 0 }
        if digits < 0 {
            let power = digits < -22 ? NumberText.float64(Array("1e\(-digits)".utf8)[...])! : powersOfTen[Int(-digits)]
            return (x / power).roundedAwayFromZero * power
        }
        let scaled = x * powersOfTen[Int(digits)]
        // So large a number has no digits there.
        guard scaled.magnitude < 0x1p52 else { return x }
        return scaled.roundedAwayFromZero / powersOfTen[Int(digits)]
    }

    /// No fractional power of a negative number, and none below zero of nothing.
    private static func hasPower(_ x: Double, _ y: Double) -> Bool {
        if x == 0, y < 0 { return false }
        return !(x < 0 && x.isFinite && y.isFinite && y.rounded(.towardZero) != y)
    }

    /// Kilometres along a great circle of a sphere with the Earth's mean radius.
    private static func haversine(
        _ latitude: Double, _ longitude: Double, _ otherLatitude: Double, _ otherLongitude: Double
    ) -> Double {
        let degree = Double.pi / 180
        let north = Elementary.sin((otherLatitude - latitude) * degree / 2)
        let east = Elementary.sin((otherLongitude - longitude) * degree / 2)
        let across = Elementary.cos(latitude * degree) * Elementary.cos(otherLatitude * degree)
        let half = north * north + across * (east * east)
        // Of places behind a pole, rounding leaves a little less than nothing between neighbours.
        return 2 * 6_371.0088 * Elementary.asin(half > 1 ? 1 : half < 0 ? 0 : half.squareRoot())
    }
}
