/// RFC 3339 text to and from instants, and durations such as `3h` or `400d`.
///
/// *Source* of the calendar arithmetic: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
public enum TimeText {
    static let microsecondsPerSecond: Int64 = 1_000_000
    static let secondsPerDay: Int64 = 86_400

    /// Parses RFC 3339 (`2013-12-31T23:59:59.5-05:00`, a space for the `T`, a bare date) or integer microseconds.
    ///
    /// - Returns: `nil` where the text is neither, or names no instant that 64 bits of microseconds hold.
    public static func parse(_ text: some StringProtocol) -> Microseconds? {
        // Whole numbers are written without a plus sign, as in the text formats.
        if text.utf8.first != UInt8(ascii: "+"), let integer = Int64(text) { return integer }
        return parseRFC3339(text)
    }

    /// Parses RFC 3339 alone, as above.
    public static func parseRFC3339(_ text: some StringProtocol) -> Microseconds? {
        var reader = DigitReader(Array(text.utf8))
        guard let year = reader.digits(4), reader.take("-"), let month = reader.digits(2), reader.take("-"),
            let day = reader.digits(2), (1...12).contains(month), (1...daysInMonth(year, month)).contains(day)
        else { return nil }
        let days = daysFromCivil(year, month, day)
        if reader.atEnd { return days * secondsPerDay * microsecondsPerSecond }
        guard reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.digits(2), reader.take(":"), let minute = reader.digits(2), reader.take(":"),
            let second = reader.digits(2), hour < 24, minute < 60, second < 60
        else { return nil }
        var fraction: Int64 = 0
        if reader.take(".") {
            guard let parsed = reader.fraction() else { return nil }
            fraction = parsed
        }
        var offsetMinutes: Int64 = 0
        if reader.take("Z") || reader.take("z") || reader.atEnd {
        } else {
            let sign: Int64
            if reader.take("+") { sign = 1 } else if reader.take("-") { sign = -1 } else { return nil }
            guard let hours = reader.digits(2), reader.take(":"), let minutes = reader.digits(2), hours < 24, minutes < 60 else {
                return nil
            }
            offsetMinutes = sign * (hours * 60 + minutes)
        }
        guard reader.atEnd else { return nil }
        let seconds = days * secondsPerDay + hour * 3_600 + minute * 60 + second - offsetMinutes * 60
        return seconds * microsecondsPerSecond + fraction
    }

    /// RFC 3339 with six fractional digits and `Z`; instants outside the years 0 to 9999 as integer microseconds.
    public static func format(_ instant: Microseconds) -> String {
        var text: [UInt8] = []
        append(instant, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the same text.
    public static func append(_ instant: Microseconds, to text: inout [UInt8]) {
        let second = instant.floorDivided(by: microsecondsPerSecond)
        // Not `instant - second * …`: in the first second of all, that product lies below 64 bits.
        let remainder = instant % microsecondsPerSecond
        let fraction = remainder < 0 ? remainder + microsecondsPerSecond : remainder
        let day = second.floorDivided(by: secondsPerDay)
        let (year, month, dayOfMonth) = civilFromDays(day)
        guard (0...9_999).contains(year) else { return text.append(contentsOf: String(instant).utf8) }
        let inDay = second - day * secondsPerDay
        append(year, digits: 4, "-", to: &text)
        append(month, digits: 2, "-", to: &text)
        append(dayOfMonth, digits: 2, "T", to: &text)
        append(inDay / 3_600, digits: 2, ":", to: &text)
        append(inDay / 60 % 60, digits: 2, ":", to: &text)
        append(inDay % 60, digits: 2, ".", to: &text)
        append(fraction, digits: 6, "Z", to: &text)
    }

    /// Appends a number with zeros in front, and what stands behind it.
    private static func append(_ number: Int64, digits: Int, _ end: Unicode.Scalar, to text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
        text.append(UInt8(ascii: end))
    }

    static let units: [(suffix: String, microseconds: Int64)] = [
        ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000),
        ("d", 86_400_000_000), ("w", 604_800_000_000),
    ]

    /// Parses a positive whole number with a unit: `500ms`, `90s`, `15m`, `3h`, `400d`, `2w`.
    public static func parseDuration(_ text: some StringProtocol) -> Microseconds? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count > 0,
            let unit = units.first(where: { $0.suffix == text.dropFirst(digits.count) })
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.microseconds)
        return overflow ? nil : product
    }

    /// The shortest exact text of a duration: `3h`, `90s`.
    public static func formatDuration(_ duration: Microseconds) -> String {
        let unit = units.last { duration % $0.microseconds == 0 } ?? units[0]
        return "\(duration / unit.microseconds)\(unit.suffix)"
    }

    static func daysInMonth(_ year: Int64, _ month: Int64) -> Int64 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][Int(month - 1)]
    }

    /// Days since 1970-01-01 of a proleptic Gregorian date.
    package static func daysFromCivil(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.floorDivided(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    package static func civilFromDays(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }
}

extension Int64 {
    /// The quotient rounded towards -∞.
    package func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor != 0 && (self < 0) != (divisor < 0) ? quotient - 1 : quotient
    }
}

/// Reads fixed-width decimal fields from ASCII text.
private struct DigitReader {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var atEnd: Bool { index == bytes.count }

    mutating func digits(_ count: Int) -> Int64? {
        guard index + count <= bytes.count else { return nil }
        var number: Int64 = 0
        for _ in 0..<count {
            guard let digit = nextDigit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    /// One to nine digits behind the decimal point, as microseconds; digits past the sixth are cut off.
    mutating func fraction() -> Int64? {
        var number: Int64 = 0
        var count = 0
        while let digit = nextDigit() {
            if count < 6 { number = number * 10 + digit }
            count += 1
        }
        guard (1...9).contains(count) else { return nil }
        for _ in min(count, 6)..<6 { number *= 10 }
        return number
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func nextDigit() -> Int64? {
        guard index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) else { return nil }
        defer { index += 1 }
        return Int64(bytes[index] - UInt8(ascii: "0"))
    }
}
