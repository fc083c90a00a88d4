/// Why an expression gave null where its inputs were not.
package enum NullReason: String, Sendable, CaseIterable {
    case divisionByZero = "division_by_zero"
    /// An integer beyond 64 bits, or a time beyond the calendar.
    case overflow
    /// A function outside of where it is defined.
    case domain
    /// A text that is no value of the type, or a number beyond its range.
    case cast
    /// Nothing stands in a list or a document at that place.
    case absent
}

/// How often an evaluation gave null, by reason.
package struct NullCounts: Equatable, Sendable {
    private var counts = [Int](repeating: 0, count: NullReason.allCases.count)

    package init() {}

    package subscript(reason: NullReason) -> Int { counts[NullReason.allCases.firstIndex(of: reason)!] }

    mutating func add(_ reason: NullReason, _ count: Int) {
        if count > 0 { counts[NullReason.allCases.firstIndex(of: reason)!] += count }
    }
}
