/// The unit of times that are given as whole numbers since 1970 UTC.
public enum TimeUnit: String, Sendable, CaseIterable {
    case seconds = "s"
    case milliseconds = "ms"
    case microseconds = "us"
    case nanoseconds = "ns"

    /// As a sentence names it.
    public var plural: String {
        switch self {
        case .seconds: "seconds"
        case .milliseconds: "milliseconds"
        case .microseconds: "microseconds"
        case .nanoseconds: "nanoseconds"
        }
    }

    /// The instant that a whole number means; nanoseconds are cut to the microsecond they lie in.
    ///
    /// - Returns: `nil` for an instant that 64 bits of microseconds do not hold.
    public func instant(_ number: Int64) -> Microseconds? {
        let factor: Int64
        switch self {
        case .nanoseconds: return number.floorDivided(by: 1_000)
        case .microseconds: return number
        case .milliseconds: factor = 1_000
        case .seconds: factor = 1_000_000
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    /// The unit in which a number names an instant of the years 1971 to 2200: there is at most one.
    public static func likely(for number: Int64) -> TimeUnit? {
        allCases.first { $0.instant(number).map { WholeTimes.plausible.contains($0) } ?? false }
    }
}

/// The whole numbers among the times of one input, and whether they can be what they are read as.
///
/// A number in another unit than microseconds lies in 1970, or far beyond our time. So where
/// a unit is not stated, numbers that all lie outside the years 1971 to 2200 are refused,
/// and one that lies inside speaks for all. Zero is 1970 in every unit, and says nothing.
public struct WholeTimes: Sendable {
    /// From 1971 up to and with 2200.
    public static let plausible: Range<Microseconds> =
        TimeText.daysFromCivil(1_971, 1, 1) * 86_400_000_000..<TimeText.daysFromCivil(2_201, 1, 1) * 86_400_000_000

    /// What the caller says the numbers are; `nil` where it says nothing, so that they are microseconds that must be plausible.
    public let unit: TimeUnit?
    private var first: Int64?
    private var isPlausible = false
    private var isOne = true

    public init(unit: TimeUnit?) { self.unit = unit }

    /// Whether all numbers so far are ones that would be refused; more of them may still clear them.
    public var isDoubtful: Bool { first != nil && !isPlausible }

    /// Reads one number.
    ///
    /// - Returns: `nil` where it names no instant that 64 bits of microseconds hold.
    public mutating func instant(_ number: Int64) -> Microseconds? {
        guard unit == nil else { return unit!.instant(number) }
        if isPlausible || number == 0 { return number }
        if WholeTimes.plausible.contains(number) {
            isPlausible = true
        } else if first == nil {
            first = number
        } else {
            isOne = false
        }
        return number
    }

    /// Why the numbers cannot be microseconds, and what to do; `nil` where they can.
    ///
    /// - Parameter option: how the unit is said, such as `--time-unit`.
    public func problem(option: String) -> String? {
        guard isDoubtful, let first else { return nil }
        let subject = isOne ? "the time \(first)" : "the time \(first), and every other whole number here,"
        let what =
            "\(subject) lies outside the years 1971 to 2200 when read as microseconds since 1970 UTC (\(TimeText.format(first)))"
        guard let likely = TimeUnit.likely(for: first), let instant = likely.instant(first) else {
            return "\(what): say with \(option) s, ms or ns what unit it has, or take it as it is with \(option) us"
        }
        return "\(what); in \(likely.plural) it is \(TimeText.format(instant)): say so with \(option) \(likely.rawValue), "
            + "or take it as it is with \(option) us"
    }
}
