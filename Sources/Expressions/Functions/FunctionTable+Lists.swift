internal import FeatureModel

extension FunctionTable {
    static let vectors: [Function] = [
        vector("dot", "(x vector, y vector) → float64", "The sum of the products of elements.", "dot(v, w)", "2.0", 2, .dot),
        vector(
            "cosine", "(x vector, y vector) → float64", "The cosine of the angle between them; null where one is zero.",
            "cosine(v, w)", "0.3333333333333333", 2, .cosine),
        vector(
            "l2_distance", "(x vector, y vector) → float64", "The Euclidean distance.", "l2_distance(v, w)", "3.0", 2, .distance),
        vector("norm", "(x vector) → float64", "The Euclidean length.", "norm(v)", "3.0", 1, .norm),
    ]

    private static func vector(
        _ name: String, _ signature: String, _ rule: String, _ example: String, _ result: String, _ count: Int,
        _ operation: VectorOperation
    ) -> Function {
        Function(
            name, .vectors, signature, rule, example, result,
            [
                Overload(Array(repeating: .vector, count: count), .type(.float64)) { call in
                    guard case .vector(let length) = call.types[0] else { preconditionFailure("a vector was checked") }
                    return call.emit(.vector(operation), immediate: Int64(length))
                }
            ])
    }

    static let lists: [Function] = [
        Function(
            "list_length", .lists, "(x list) → int64", "The number of elements, null ones too.", "list_length(numbers)", "4",
            [.byElement([.list], .type(.int64), .length)]),
        Function(
            "list_at", .lists, "(x list, place integer) → element",
            "The element at a place, which counts from 1, and below zero from the end; null where there is none.",
            "list_at(numbers, -1)", "2.5", [.byElement([.list, .integer], .element, .at)]),
        Function(
            "list_contains", .lists, "(x list, value) → bool", "Whether an element equals the value.",
            "list_contains(words, 'blue')", "true", [contains]),
        Function(
            "list_sum", .lists, "(x list of numbers) → int64 or float64",
            "The sum, exact and rounded once; null of no elements.", "list_sum(numbers)", "6.0",
            [.byElement([.numbers], .sum, .sum)]),
        Function(
            "list_mean", .lists, "(x list of numbers) → float64",
            "The exact sum, rounded, over the number of elements; null of none.",
            "list_mean(numbers)", "2.0", [.byElement([.numbers], .type(.float64), .mean)]),
        Function(
            "list_min", .lists, "(x list) → element", "The least element, as least has it; null of none.", "list_min(words)",
            "'blue'",
            [.byElement([.list], .element, .min)]),
        Function(
            "list_max", .lists, "(x list) → element", "The greatest element, as greatest has it; null of none.",
            "list_max(numbers)", "2.5",
            [.byElement([.list], .element, .max)]),
        Function(
            "list_distinct", .lists, "(x list) → list", "Each element once, in the order in which they come first.",
            "list_distinct(words)", "['red', 'blue']", [.byElement([.list], .list, .distinct)]),
        Function(
            "list_intersect", .lists, "(x list, y list) → list",
            "The elements of x that stand in y too, each once, in x's order.",
            "list_intersect(words, split('blue green', ' '))", "['blue']",
            [.byElement([.list, .list], .list, .intersect)]),
        Function(
            "jaccard", .lists, "(x list, y list) → float64",
            "How many distinct elements stand in both, over how many in either; null where both are empty.",
            "jaccard(words, split('blue green', ' '))", "0.3333333333333333",
            [.byElement([.list, .list], .type(.float64), .jaccard)]),
    ]

    private static let contains = Overload([.list, .member], .type(.bool)) { call in
        guard case .array(let element) = call.types[0] else { preconditionFailure("a list was checked") }
        let operation: ListOperation =
            switch (element.cellKind!, call.types[1].cellKind!) {
            case (.integer, .float): .containsFloat
            case (.float, .integer): .containsInteger
            default: .contains
            }
        return call.emit(.list(operation, element.cellKind!))
    }
}

extension ProgramBuilder {
    /// The hash of a value of any type.
    mutating func hash(_ register: Register, _ type: FeatureType) -> Register {
        var length = 0
        let operation: HashOperation
        switch type {
        case .bool: operation = .bool
        case .int32, .int64, .timestamp: operation = .integer
        case .float32, .float64: operation = .float
        case .string, .bytes: operation = .text
        case .array(let element): operation = .list(element.cellKind!, isBool: element == .bool)
        case .vector(let count):
            operation = .vector
            length = count
        }
        return emit(.hash(operation), [register], immediate: Int64(length), gives: .int64)
    }
}
