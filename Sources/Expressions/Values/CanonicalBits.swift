/// Bits of floats that do not tell apart what `=` holds equal.
enum CanonicalBits {
    /// With one zero and one NaN: what is hashed.
    static func of(_ number: Double) -> UInt64 {
        number == 0 ? 0 : number.isNaN ? Elementary.canonicalNaN.bitPattern : number.bitPattern
    }

    /// With one NaN: what leaves an expression.
    @inline(__always)
    static func leaving(_ number: Double) -> UInt64 {
        number.isNaN ? Elementary.canonicalNaN.bitPattern : number.bitPattern
    }

    @inline(__always)
    static func leaving(_ number: Float) -> UInt32 { number.isNaN ? 0x7FC0_0000 : number.bitPattern }
}
