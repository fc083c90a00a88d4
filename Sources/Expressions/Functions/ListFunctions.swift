import FeatureModel

/// An element as it is compared: every NaN is one value, both zeros are, and a whole number is the same in every type.
struct ListElement: Hashable {
    private let value: Value

    init(_ value: Value) {
        switch value {
        case .int32(let integer): self.value = .int64(Int64(integer))
        case .float32(let float): self.value = Self.number(Double(float))
        case .float64(let float): self.value = Self.number(float)
        default: self.value = value
        }
    }

    private static func number(_ float: Double) -> Value {
        Int64(exactly: float).map { .int64($0) } ?? .float64(float.isNaN ? Lanes.nan64 : float)
    }
}

/// Functions of lists. Null elements are passed over.
enum ListFunctions {
    enum Sum {
        case value(Value)
        /// No element is there.
        case empty
        /// The sum of integers does not fit.
        case overflow
    }

    /// Exact, so in any order the same; rounded once.
    static func sum(_ list: [Value], mean: Bool) -> Sum {
        var (floats, integers, count) = (ExactSum(), ExactIntegerSum(), 0)
        var isInteger = false
        for element in list {
            switch element {
            case .int32(let value):
                integers.add(Int64(value))
                isInteger = true
            case .int64(let value):
                integers.add(value)
                isInteger = true
            case .float32(let value): floats.add(Double(value))
            case .float64(let value): floats.add(value)
            default: continue
            }
            count += 1
        }
        if count == 0 { return .empty }
        if mean { return .value(.float64((isInteger ? integers.rounded : floats.rounded) / Double(count))) }
        if isInteger { return integers.int64.map { .value(.int64($0)) } ?? .overflow }
        return .value(.float64(floats.rounded))
    }

    static func extreme(_ list: [Value], greatest: Bool) -> Value? {
        var best: Value?
        for element in list where !element.isNull {
            guard let known = best else {
                best = element
                continue
            }
            if greatest ? isLess(known, element) : isLess(element, known) { best = element }
        }
        return best
    }

    private static func isLess(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.bool(let x), .bool(let y)): !x && y
        case (.int32(let x), .int32(let y)): x < y
        case (.int64(let x), .int64(let y)), (.timestamp(let x), .timestamp(let y)): x < y
        case (.float32(let x), .float32(let y)): FloatOrder.strictlyLess(Double(x), Double(y))
        case (.float64(let x), .float64(let y)): FloatOrder.strictlyLess(x, y)
        case (.string(let x), .string(let y)), (.bytes(let x), .bytes(let y)): x < y
        default: false
        }
    }

    /// Each value where it first stands.
    static func distinct(_ list: [Value]) -> [Value] {
        var seen: Set<ListElement> = []
        return list.filter { !$0.isNull && seen.insert(ListElement($0)).inserted }
    }

    static func intersection(_ list: [Value], _ other: [Value]) -> [Value] {
        let others = Set(other.filter { !$0.isNull }.map(ListElement.init))
        return distinct(list).filter { others.contains(ListElement($0)) }
    }

    /// How many of the values of either are in both; `nil` where there are none.
    static func jaccard(_ list: [Value], _ other: [Value]) -> Double? {
        let (first, second) = (distinct(list).count, distinct(other).count)
        let both = intersection(list, other).count
        let all = first + second - both
        return all == 0 ? nil : Double(both) / Double(all)
    }
}
