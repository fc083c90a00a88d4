/// Numbers as the text formats spell them.
package enum NumberText {
    /// Decimal digits behind an optional `-`; `nil` for other text and beyond 64 bits.
    package static func int64(_ text: ArraySlice<UInt8>) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = isNegative ? text.dropFirst() : text
        guard !digits.isEmpty else { return nil }
        var number: Int64 = 0
        for byte in digits {
            guard isDigit(byte) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            // Downwards, as the least integer has no positive twin.
            let (difference, underflow) = product.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            if overflow || underflow { return nil }
            number = difference
        }
        if isNegative { return number }
        return number == .min ? nil : -number
    }

    /// Whether the text is an integer of any size.
    package static func isInteger(_ text: ArraySlice<UInt8>) -> Bool {
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
        return !digits.isEmpty && digits.allSatisfy(isDigit)
    }

    /// The nearest float64, infinite beyond its range; `nil` for text that is no decimal number and no name of one.
    package static func float64(_ text: ArraySlice<UInt8>) -> Double? {
        guard let decimal = Decimal(text) else { return names.first { text.elementsEqual($0.name.utf8) }?.value }
        return decimal.exact ?? Double(String(decoding: text, as: UTF8.self))
    }

    /// The nearest float32, rounded once; `nil` as above.
    package static func float32(_ text: ArraySlice<UInt8>) -> Float? {
        guard Decimal(text) != nil else { return names.first { text.elementsEqual($0.name.utf8) }.map { Float($0.value) } }
        return Float(String(decoding: text, as: UTF8.self))
    }

    /// Whether the text names what no digits spell.
    package static func isName(_ text: ArraySlice<UInt8>) -> Bool { names.contains { text.elementsEqual($0.name.utf8) } }

    private static let names: [(name: String, value: Double)] = [
        ("NaN", .nan), ("Infinity", .infinity), ("-Infinity", -.infinity),
    ]

    /// Appends the shortest text that reads back as the same number.
    package static func append(_ number: Double, to output: inout [UInt8]) { append(number, number.description, to: &output) }

    package static func append(_ number: Float, to output: inout [UInt8]) {
        append(Double(number), number.description, to: &output)
    }

    /// Appends an integer, without a string in between.
    package static func append(_ number: Int64, to output: inout [UInt8]) {
        var rest = number.magnitude
        if number < 0 { output.append(UInt8(ascii: "-")) }
        let first = output.count
        repeat {
            output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        // The last digit came first.
        var (low, high) = (first, output.count - 1)
        while low < high {
            output.swapAt(low, high)
            (low, high) = (low + 1, high - 1)
        }
    }

    private static func append(_ number: Double, _ digits: String, to output: inout [UInt8]) {
        let text = number.isFinite ? digits : number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
        output.append(contentsOf: text.utf8)
    }
}

/// A decimal number taken apart: `-?digits[.digits][e±digits]`, where digits may be missing on one side of the point.
private struct Decimal {
    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
        1e22,
    ]

    private let isNegative: Bool
    /// All digits as one integer; `nil` where they are more than 15.
    private let digits: UInt64?
    /// Power of ten behind the digits.
    private let exponent: Int

    init?(_ text: ArraySlice<UInt8>) {
        var rest = text
        func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest = rest.dropFirst()
            return true
        }
        var number: UInt64 = 0
        var places = 0
        func takeDigits() {
            while let byte = rest.first, isDigit(byte) {
                if places < 19 { number = number * 10 + UInt64(byte - UInt8(ascii: "0")) }
                places += 1
                rest = rest.dropFirst()
            }
        }
        isNegative = take("-")
        takeDigits()
        let whole = places
        if take(".") { takeDigits() }
        guard places > 0 else { return nil }
        var power = 0
        if take("e") || take("E") {
            let isBelow = !take("+") && take("-")
            let count = rest.prefix(while: isDigit).count
            guard count > 0 else { return nil }
            for byte in rest.prefix(count) { power = min(power * 10 + Int(byte - UInt8(ascii: "0")), 1_000_000) }
            if isBelow { power = -power }
            rest = rest.dropFirst(count)
        }
        guard rest.isEmpty else { return nil }
        digits = places <= 15 ? number : nil
        exponent = power - (places - whole)
    }

    /// The nearest float64 where one rounding finds it: digits and power of ten are both exact, and so is the sign.
    ///
    /// *Source*: William D. Clinger, "How to Read Floating Point Numbers Accurately", 1990.
    var exact: Double? {
        guard let digits, abs(exponent) < Self.powersOfTen.count else { return nil }
        let power = Self.powersOfTen[abs(exponent)]
        let magnitude = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return isNegative ? -magnitude : magnitude
    }
}

/// Whether a byte of text is one of `0` to `9`.
package func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
