import FeatureModel

/// An instant as a place in the Gregorian calendar, which is taken to have been there always.
struct Calendar {
    private let day: Int64
    /// Microseconds in it.
    private let inDay: Int64
    private let offset: Microseconds

    private static let dayMicroseconds: Int64 = 86_400_000_000

    /// - Parameter offset: how far local time is ahead of UTC.
    init(_ time: Microseconds, offset: Microseconds) {
        // In 128 bits, as the first and the last hours of all have no local time in 64.
        let local = Int128(time) + Int128(offset)
        let length = Int128(Self.dayMicroseconds)
        let rest = (local % length + length) % length
        day = Int64((local - rest) / length)
        inDay = Int64(rest)
        self.offset = offset
    }

    /// 1 to 7, from Monday on: the first of January 1970 was a Thursday.
    private var dayOfWeek: Int64 { ((day + 3) % 7 + 7) % 7 + 1 }

    func part(_ part: CalendarPart) -> Int64 {
        let (year, month, dayOfMonth) = TimeText.civilFromDays(day)
        switch part {
        case .year: return year
        case .month: return month
        case .day: return dayOfMonth
        case .hour: return inDay / 3_600_000_000
        case .minute: return inDay / 60_000_000 % 60
        case .dayOfWeek: return dayOfWeek
        case .dayOfYear: return day - TimeText.daysFromCivil(year, 1, 1) + 1
        }
    }

    /// When the unit began that the instant lies in; `nil` where that is before the first instant of all.
    func start(of unit: TimeUnitName) -> Microseconds? {
        let (year, month, _) = TimeText.civilFromDays(day)
        let start: (day: Int64, inDay: Int64) =
            switch unit {
            case .second: (day, inDay / 1_000_000 * 1_000_000)
            case .minute: (day, inDay / 60_000_000 * 60_000_000)
            case .hour: (day, inDay / 3_600_000_000 * 3_600_000_000)
            case .day: (day, 0)
            case .week: (day - (dayOfWeek - 1), 0)
            case .month: (TimeText.daysFromCivil(year, month, 1), 0)
            case .quarter: (TimeText.daysFromCivil(year, (month - 1) / 3 * 3 + 1, 1), 0)
            case .year: (TimeText.daysFromCivil(year, 1, 1), 0)
            }
        return Int64(exactly: Int128(start.day) * Int128(Self.dayMicroseconds) + Int128(start.inDay) - Int128(offset))
    }

    /// `+02:00` or `Z`, in microseconds; at most 18 hours.
    static func offset(_ text: String) -> Microseconds? {
        if text == "Z" || text == "UTC" { return 0 }
        let bytes = Array(text.utf8)
        guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"), bytes[3] == UInt8(ascii: ":"),
            let hours = NumberText.int64(bytes[1...2]), let minutes = NumberText.int64(bytes[4...5]), (0...18).contains(hours),
            (0...59).contains(minutes)
        else { return nil }
        return (bytes[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes) * 60_000_000
    }
}
