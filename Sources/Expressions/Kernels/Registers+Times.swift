internal import FeatureModel

extension Registers {
    mutating func run(_ operation: TimeOperation, _ step: Instruction, _ count: Int) {
        let offset = step.immediate
        switch operation {
        case .part(let part):
            orOverflow(step, count) { word in Calendar.part(part, of: word.integer, offset: offset) }
        case .truncate(let unit):
            orOverflow(step, count) { word in Calendar.truncate(word.integer, to: unit, offset: offset) }
        case .secondsBetween: between(step, count, microseconds: 1e6)
        case .daysBetween: between(step, count, microseconds: 86_400e6)
        }
    }

    @inline(__always)
    private mutating func orOverflow(_ step: Instruction, _ count: Int, _ body: (UInt64) -> Int64?) {
        tryMap(step, count) { word, nulls in
            if let result = body(word) { return UInt64(bitPattern: result) }
            nulls.add(.overflow)
            return nil
        }
    }

    private mutating func between(_ step: Instruction, _ count: Int, microseconds: Double) {
        tryMap(step, count) { start, end, nulls in
            let (difference, overflow) = end.integer.subtractingReportingOverflow(start.integer)
            if !overflow { return (Double(difference) / microseconds).bitPattern }
            nulls.add(.overflow)
            return nil
        }
    }
}

/// The proleptic Gregorian calendar at a fixed offset from UTC.
enum Calendar {
    private static let day: Int64 = 86_400_000_000

    /// Days since 1970 and µs in the day; `nil` where the local time is no int64.
    private static func local(_ instant: Microseconds, _ offset: Int64) -> (day: Int64, rest: Int64)? {
        let (local, overflow) = instant.addingReportingOverflow(offset)
        if overflow { return nil }
        let days = local.floorDivided(by: day)
        let rest = local % day
        return (days, rest < 0 ? rest + day : rest)
    }

    static func part(_ part: TimePart, of instant: Microseconds, offset: Int64) -> Int64? {
        guard let (days, rest) = local(instant, offset) else { return nil }
        switch part {
        case .hour: return rest / 3_600_000_000
        case .minute: return rest / 60_000_000 % 60
        // 1970 began with a Thursday, which is 4.
        case .dayOfWeek: return (days + 3 - (days + 3).floorDivided(by: 7) * 7) + 1
        case .year: return TimeText.civilFromDays(days).0
        case .month: return TimeText.civilFromDays(days).1
        case .day: return TimeText.civilFromDays(days).2
        case .dayOfYear: return days - TimeText.daysFromCivil(TimeText.civilFromDays(days).0, 1, 1) + 1
        }
    }

    static func truncate(_ instant: Microseconds, to unit: TimeUnitName, offset: Int64) -> Microseconds? {
        guard let (days, rest) = local(instant, offset) else { return nil }
        let first: Int64
        var kept: Int64 = 0
        switch unit {
        case .second: (first, kept) = (days, rest / 1_000_000 * 1_000_000)
        case .minute: (first, kept) = (days, rest / 60_000_000 * 60_000_000)
        case .hour: (first, kept) = (days, rest / 3_600_000_000 * 3_600_000_000)
        case .day: first = days
        case .week: first = (days + 3).floorDivided(by: 7) * 7 - 3
        case .month, .quarter, .year:
            let (year, month, _) = TimeText.civilFromDays(days)
            let start = unit == .month ? month : unit == .quarter ? (month - 1) / 3 * 3 + 1 : 1
            first = TimeText.daysFromCivil(year, start, 1)
        }
        let result = Int128(first) * Int128(day) + Int128(kept) - Int128(offset)
        return Int64(exactly: result)
    }
}
