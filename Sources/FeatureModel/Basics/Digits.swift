extension BinaryInteger {
    /// The number's digits, in lower case, behind as many zeros as fill `width`; a longer number keeps all of its digits.
    public func zeroPadded(to width: Int, radix: Int = 10) -> String {
        let digits = String(self, radix: radix)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Sequence<UInt8> {
    /// Two lower-case digits for each byte.
    public var hexadecimal: String { map { $0.zeroPadded(to: 2, radix: 16) }.joined() }
}
