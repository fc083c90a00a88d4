/// The order of numbers: NaN equals itself and stands above all others.
enum Order {
    @inline(__always)
    static func equal(_ left: Double, _ right: Double) -> Bool { left == right || left.isNaN && right.isNaN }

    @inline(__always)
    static func less(_ left: Double, _ right: Double) -> Bool { left < right || right.isNaN && !left.isNaN }

    /// Whether the first stands before the second where every two values that differ in bits have an order: -0 before +0.
    @inline(__always)
    static func precedes(_ left: Double, _ right: Double) -> Bool {
        less(left, right) || left == 0 && right == 0 && left.sign == .minus && right.sign == .plus
    }

    /// -1, 0 or 1 as the integer is less than, equal to or greater than the float, without rounding either.
    @inline(__always)
    static func compare(_ integer: Int64, _ float: Double) -> Int {
        // All int64 lie in -2^63..<2^63, and both ends are float64.
        if !(float < 0x1p63) { return -1 }
        if float < -0x1p63 { return 1 }
        let whole = Int64(float)
        if integer != whole { return integer < whole ? -1 : 1 }
        let rest = float - Double(whole)
        return rest > 0 ? -1 : rest < 0 ? 1 : 0
    }
}
