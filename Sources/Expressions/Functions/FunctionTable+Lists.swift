import FeatureModel

extension FunctionTable {
    static let vectors: [ExpressionFunction] = [
        pair("dot", .dot, "The sum of the products of two vectors' elements."),
        pair("cosine", .cosine, "The cosine of the angle between two vectors; null where one has no length."),
        pair("l2_distance", .distance, "The distance between two vectors."),
        ExpressionFunction(
            "norm", .vectors, "norm(vector)", "The length of a vector.", "", "", arity: 1...1
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let x = try compiler.vector(nodes[0], "norm").register
            return Compiled(register: compiler.emit(.vector(.norm), [x], .float64), type: .float64, offset: offset)
        },
    ]

    private static func pair(_ name: String, _ function: VectorFunction, _ rule: String) -> ExpressionFunction {
        ExpressionFunction(name, .vectors, "\(name)(vector, other)", rule, "", "", arity: 2...2) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let (x, y) = (try compiler.vector(nodes[0], name), try compiler.vector(nodes[1], name))
            guard x.length == y.length else {
                throw compiler.error(
                    "\(name) takes vectors of one length, not vector(\(x.length)) and vector(\(y.length))", at: nodes[1].offset)
            }
            return Compiled(
                register: compiler.emit(.vector(function), [x.register, y.register], .float64), type: .float64, offset: offset)
        }
    }

    static let lists: [ExpressionFunction] = [
        list("list_length", .length, "How many elements a list has, nulls among them.", "list_length(split('a,b', ','))", "2") {
            _ in .int64
        },
        ExpressionFunction(
            "list_at", .lists, "list_at(list, place)",
            "An element, counted from 1, or from -1 at the end; null where there is none.", "list_at(split('a,b', ','), -1)", "b",
            arity: 2...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let (x, element) = try compiler.list(nodes[0], "list_at")
            let registers = [x, try compiler.integer(nodes[1], "list_at")]
            return Compiled(register: compiler.emit(.list(.at), registers, element), type: element, offset: offset)
        },
        ExpressionFunction(
            "list_contains", .lists, "list_contains(list, value)", "Whether a value is among the elements.",
            "list_contains(split('a,b', ','), 'b')", "true", arity: 2...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let (x, element) = try compiler.list(nodes[0], "list_contains")
            let wanted = try compiler.value(nodes[1])
            let type = wanted.type ?? element
            guard element.common(with: type) != nil else {
                throw compiler.error("list_contains looks for \(element) here, not \(type)", at: nodes[1].offset)
            }
            // A number is looked for as it is: what a narrower list cannot hold is not in it.
            let register = compiler.held(wanted, as: type)
            return Compiled(register: compiler.emit(.list(.contains), [x, register], .bool), type: .bool, offset: offset)
        },
        number(
            "list_sum", .sum, "The exact sum, rounded once; of integers an int64, null where it does not fit; null of no element."
        ) { $0.isInteger ? .int64 : .float64 },
        number("list_mean", .mean, "The exact sum, rounded, by the number of elements; null of no element.") { _ in .float64 },
        list("list_min", .least, "The least element; null of none.", "list_min(split('b,a', ','))", "a") { $0 },
        list("list_max", .greatest, "The greatest element; null of none.", "list_max(split('b,a', ','))", "b") { $0 },
        list(
            "list_distinct", .distinct, "Each value where it first stands, without nulls.",
            "list_length(list_distinct(split('a,b,a', ',')))", "2"
        ) { .array($0) },
        pair(
            "list_intersect", .intersection, "The values that are in both lists, in the order of the first.",
            "list_length(list_intersect(split('a,b', ','), split('b,c', ',')))", "1"
        ) { .array($0) },
        pair(
            "jaccard", .jaccard, "How many of the values of two lists are in both; null where there are none.",
            "jaccard(split('a,b', ','), split('b,c', ','))", "0.3333333333333333"
        ) { _ in .float64 },
    ]

    private static func list(
        _ name: String, _ function: ListFunction, _ rule: String, _ example: String, _ result: String,
        _ type: @escaping @Sendable (FeatureType) -> FeatureType
    ) -> ExpressionFunction {
        ExpressionFunction(name, .lists, "\(name)(list)", rule, example, result, arity: 1...1) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let (x, element) = try compiler.list(nodes[0], name)
            return Compiled(register: compiler.emit(.list(function), [x], type(element)), type: type(element), offset: offset)
        }
    }

    private static func number(
        _ name: String, _ function: ListFunction, _ rule: String, _ type: @escaping @Sendable (FeatureType) -> FeatureType
    ) -> ExpressionFunction {
        ExpressionFunction(name, .lists, "\(name)(list)", rule, "", "", arity: 1...1) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let (x, element) = try compiler.list(nodes[0], name)
            guard element.isNumber else {
                throw compiler.error("\(name) takes a list of numbers, not of \(element)", at: nodes[0].offset)
            }
            return Compiled(register: compiler.emit(.list(function), [x], type(element)), type: type(element), offset: offset)
        }
    }

    private static func pair(
        _ name: String, _ function: ListFunction, _ rule: String, _ example: String, _ result: String,
        _ type: @escaping @Sendable (FeatureType) -> FeatureType
    ) -> ExpressionFunction {
        ExpressionFunction(name, .lists, "\(name)(list, other)", rule, example, result, arity: 2...2) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let (x, element) = try compiler.list(nodes[0], name)
            let (y, other) = try compiler.list(nodes[1], name)
            guard element == other else {
                throw compiler.error("\(name) takes lists of one type, not of \(element) and \(other)", at: nodes[1].offset)
            }
            return Compiled(register: compiler.emit(.list(function), [x, y], type(element)), type: type(element), offset: offset)
        }
    }
}
