internal import FeatureModel

extension FunctionTable {
    static let numbers: [Function] = [
        Function(
            "abs", .numbers, "(x number) → number", "x without its sign.", "abs(-2.5)", "2.5",
            [.integers(1, .abs), .floats(1, .abs)]),
        Function(
            "sign", .numbers, "(x number) → number", "-1, 0 or 1; NaN of NaN.", "sign(-2.5)", "-1.0",
            [.integers(1, .sign), .floats(1, .sign)]),
        Function(
            "floor", .numbers, "(x number) → number", "The greatest whole number that is not above x.", "floor(-1.5)", "-2.0",
            [.wholeNumber, .floats(1, .floor)]),
        Function(
            "ceil", .numbers, "(x number) → number", "The least whole number that is not below x.", "ceil(1.2)", "2.0",
            [.wholeNumber, .floats(1, .ceil)]),
        Function(
            "round", .numbers, "(x number[, digits integer]) → number",
            "x to so many decimal places (0; below zero tens, hundreds …), half away from zero; null beyond 22 places of a float.",
            "round(2.675, 1)", "2.7",
            [
                .wholeNumber, .floats(1, .round), .integers(2, .round),
                Overload([.float, .integer], .type(.float64), .float(.roundDigits)),
            ]),
        Function(
            "trunc", .numbers, "(x number) → number", "x without what stands behind the point.", "trunc(-1.7)", "-1.0",
            [.wholeNumber, .floats(1, .trunc)]),
        Function(
            "sqrt", .numbers, "(x number) → float64", "The square root; null below zero.", "sqrt(2)", "1.4142135623730951",
            [.floats(1, .sqrt)]),
        Function(
            "ln", .numbers, "(x number) → float64", "The natural logarithm; null unless x is above zero.", "ln(10)",
            "2.302585092994046", [.floats(1, .ln)]),
        Function(
            "log10", .numbers, "(x number) → float64", "The logarithm to base 10; null unless x is above zero.", "log10(1000)",
            "3.0", [.floats(1, .log10)]),
        Function(
            "log2", .numbers, "(x number) → float64", "The logarithm to base 2; null unless x is above zero.", "log2(8)", "3.0",
            [.floats(1, .log2)]),
        Function(
            "log1p", .numbers, "(x number) → float64", "ln(1 + x), precise near zero; null unless x is above -1.", "log1p(1e-9)",
            "9.999999995e-10", [.floats(1, .log1p)]),
        Function(
            "exp", .numbers, "(x number) → float64", "e to the power of x.", "exp(1)", "2.718281828459045", [.floats(1, .exp)]),
        Function(
            "pow", .numbers, "(x number, y number) → float64",
            "x to the power of y; null for a fraction of a power of a negative number, and a negative power of zero.",
            "pow(2, 0.5)", "1.4142135623730951", [.floats(2, .pow)]),
        Function(
            "least", .numbers, "(x, …) → the same type",
            "The least of numbers, texts, times or bools; null ones are passed over. -0 is below 0, and NaN above all.",
            "least(3, missing, 2)", "2.0", [extreme(greatest: false)]),
        Function(
            "greatest", .numbers, "(x, …) → the same type", "The greatest, likewise.", "greatest('b', 'abc')", "'b'",
            [extreme(greatest: true)]),
        Function(
            "clip", .numbers, "(x number, low number, high number) → number",
            "x, or the bound beyond which it lies; NaN stays, and a low above high is null.", "clip(12, 0, 10)", "10",
            [.integers(3, .clip), .floats(3, .clip)]),
        Function(
            "mod", .numbers, "(x number, y number) → number", "x % y: the remainder, with x's sign; null by zero.", "mod(-7, 3)",
            "-1",
            [.integers(2, .remainder), .floats(2, .remainder)]),
        Function(
            "div", .numbers, "(x number, y number) → number", "x / y without what stands behind the point; null by zero.",
            "div(-7, 2)", "-3", [.integers(2, .divide), .floats(2, .truncatingDivide)]),
        Function(
            "is_nan", .numbers, "(x number) → bool", "Whether x is NaN.", "is_nan(1e308 * 10 - 1e308 * 10)", "true",
            [Overload([.float], .type(.bool), .float(.isNaN))]),
        Function(
            "is_inf", .numbers, "(x number) → bool", "Whether x is infinite.", "is_inf(1e308 * 10)", "true",
            [Overload([.float], .type(.bool), .float(.isInfinite))]),
    ]

    private static func extreme(greatest: Bool) -> Overload {
        Overload([.scalar], repeats: true, .common) { call in
            let kind = call.types[0].cellKind!
            var result = call.arguments[0]
            for argument in call.arguments.dropFirst() {
                result = call.builder.emit(.extreme(kind, greatest: greatest), [result, argument], gives: call.result)
            }
            return result
        }
    }

    static let nulls: [Function] = [
        Function(
            "coalesce", .nulls, "(x, …) → the same type", "The first that is not null.", "coalesce(missing, 0)", "0.0",
            [
                Overload([.any], repeats: true, .common) { call in
                    var result = call.arguments[0]
                    for argument in call.arguments.dropFirst() {
                        result = call.builder.emit(.logic(.coalesce), [result, argument], gives: call.result)
                    }
                    return result
                }
            ]),
        Function(
            "nullif", .nulls, "(x, y) → the same type", "x, but null where x = y.", "nullif(0, 0)", "null",
            [
                Overload([.scalar, .scalar], .common) { call in
                    let kind = call.types[0].cellKind!.comparedKind
                    let equal = call.builder.emit(.compare(kind, .equal), call.arguments, gives: .bool)
                    return call.builder.emit(.logic(.nullWhere), [equal, call.arguments[0]], gives: call.result)
                }
            ]),
        Function(
            "if", .nulls, "(condition bool, x, y) → the same type", "x where the condition is true, else y.",
            "if(2 > 1, 'yes', 'no')", "'yes'",
            [Overload([.bool, .any, .any], .common, .logic(.select))]),
    ]

    static let angles: [Function] = [
        Function(
            "sin", .angles, "(x number) → float64", "The sine of an angle in radians; null of an infinite one.", "sin(1)",
            "0.8414709848078965", [.floats(1, .sin)]),
        Function(
            "cos", .angles, "(x number) → float64", "The cosine, likewise.", "cos(1)", "0.5403023058681398", [.floats(1, .cos)]),
        Function(
            "asin", .angles, "(x number) → float64", "The arc sine in radians; null outside -1 to 1.", "asin(1)",
            "1.5707963267948966", [.floats(1, .asin)]),
        Function(
            "atan2", .angles, "(y number, x number) → float64", "The angle of the point (x, y) in radians, from -π to π.",
            "atan2(1, -1)", "2.356194490192345", [.floats(2, .atan2)]),
        Function(
            "radians", .angles, "(degrees number) → float64", "An angle in degrees as radians.", "radians(180)",
            "3.141592653589793", [.floats(1, .radians)]),
        Function(
            "haversine_km", .angles, "(lat number, lon number, lat number, lon number) → float64",
            "Kilometres between two points in degrees, on a sphere of radius 6371.0088 km; null for a latitude beyond a pole.",
            "haversine_km(52.52, 13.405, 48.8566, 2.3522)", "877.4645379215093", [.floats(4, .haversine)]),
    ]

    static let hashes: [Function] = [
        Function(
            "hash", .hashes, "(x) → int64",
            "XXH64 of the value, seed 0; integers of all widths hash alike, and floats, and both zeros.", "hash('red')",
            "57011202120622634",
            [Overload([.any], .type(.int64)) { call in call.builder.hash(call.arguments[0], call.types[0]) }]),
        Function(
            "bucket", .hashes, "(x, buckets integer) → int64",
            "hash(x), without a sign, modulo the number of buckets; null unless that is above zero.", "bucket('red', 10)", "4",
            [
                Overload([.any, .integer], .type(.int64)) { call in
                    let hash = call.builder.hash(call.arguments[0], call.types[0])
                    return call.builder.emit(.hash(.bucket), [hash, call.arguments[1]], gives: .int64)
                }
            ]),
    ]
}
