/// Why a result is null although nothing that it was made of is.
package enum NullReason: Int, CaseIterable, Sendable {
    /// `/`, `%`, `div` and `mod` by zero, and the ratio of two empty sets.
    case divisionByZero
    /// An argument for which the function has no value, such as `ln(0)`.
    case outsideDomain
    /// Integers and times that 64 bits, or int32's 32, do not hold.
    case overflow
    /// Text that is no number, time or bool, and numbers that are not of the type.
    case badCast
    /// Text that would be longer than an expression may make it.
    case tooLong
    /// A place behind a list's end, or before its start.
    case noElement
    /// Text that is no JSON, or no number where one was asked for.
    case badJSON

    /// The word for metrics.
    package var name: String {
        switch self {
        case .divisionByZero: "division_by_zero"
        case .outsideDomain: "outside_domain"
        case .overflow: "overflow"
        case .badCast: "bad_cast"
        case .tooLong: "too_long"
        case .noElement: "no_element"
        case .badJSON: "bad_json"
        }
    }
}

/// How many nulls each reason made.
package struct NullCounts: Hashable, Sendable {
    /// By the reasons' raw values.
    private var counts = SIMD8<Int>()

    package init() {}

    package var isEmpty: Bool { counts == SIMD8<Int>() }
    package subscript(_ reason: NullReason) -> Int { counts[reason.rawValue] }

    mutating func add(_ reason: NullReason, _ count: Int = 1) { counts[reason.rawValue] += count }

    /// What came since an earlier count.
    package func subtracting(_ other: NullCounts) -> NullCounts {
        var difference = self
        difference.counts &-= other.counts
        return difference
    }

    package mutating func merge(_ other: NullCounts) { counts &+= other.counts }
}
