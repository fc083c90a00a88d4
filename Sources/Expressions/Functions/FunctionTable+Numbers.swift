import FeatureModel

extension FunctionTable {
    static let numbers: [ExpressionFunction] = [
        ExpressionFunction(
            "abs", .numbers, "abs(x)", "The distance from zero; of integers an int64, null where that does not fit.", "abs(-2.5)",
            "2.5",
            arity: 1...1
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            try compiler.arithmetic(.absolute, .absolute, [try compiler.value(nodes[0])], "abs", at: offset)
        },
        ExpressionFunction(
            "sign", .numbers, "sign(x)", "-1, 0 or 1, of the type of `x`; NaN of NaN.", "sign(-7)", "-1", arity: 1...1
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            try compiler.arithmetic(.sign, .sign, [try compiler.value(nodes[0])], "sign", at: offset)
        },
        whole("floor", .floor, "The greatest whole number that is not above `x`.", "floor(-2.5)", "-3.0"),
        whole("ceil", .ceil, "The least whole number that is not below `x`.", "ceil(-2.5)", "-2.0"),
        whole("trunc", .truncate, "`x` without what stands behind the point.", "trunc(-2.5)", "-2.0"),
        ExpressionFunction(
            "round", .numbers, "round(x [, digits])",
            "The nearest number with so many digits behind the point (in front of it where negative), halves away from zero.",
            "round(2.345, 1)", "2.3", arity: 1...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let x = try compiler.value(nodes[0])
            try compiler.expectNumber(x, "round")
            if nodes.count == 1, x.type?.isInteger == true { return x }
            let register =
                nodes.count == 1
                ? compiler.emit(.float(.round), [compiler.float(x)], .float64)
                : compiler.emit(.float(.roundTo), [compiler.float(x), try compiler.integer(nodes[1], "round")], .float64)
            return Compiled(register: register, type: .float64, offset: offset)
        },
        float("sqrt", .numbers, ["x"], .sqrt, "The square root; null below zero.", "sqrt(2.25)", "1.5"),
        float("ln", .numbers, ["x"], .ln, "The natural logarithm; null at zero and below.", "ln(1)", "0.0"),
        float("log10", .numbers, ["x"], .log10, "The logarithm to base 10; null at zero and below.", "log10(1000)", "3.0"),
        float("log2", .numbers, ["x"], .log2, "The logarithm to base 2; null at zero and below.", "log2(8)", "3.0"),
        float(
            "log1p", .numbers, ["x"], .log1p, "The natural logarithm of 1 + `x`, exact near zero too; null at -1 and below.",
            "log1p(0)", "0.0"),
        float("exp", .numbers, ["x"], .exp, "e to the power of `x`.", "exp(0)", "1.0"),
        float(
            "pow", .numbers, ["x", "y"], .pow,
            "`x` to the power of `y`; null where `x` is negative and `y` no whole number, and where `x` is 0 and `y` negative.",
            "pow(2, 10)", "1024.0"),
        ExpressionFunction(
            "mod", .numbers, "mod(x, y)", "What is left of `x` divided by `y`, with the sign of `x`; null by 0. As `x % y`.",
            "mod(-7, 3)", "-1",
            arity: 2...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            try compiler.arithmetic(
                .modulo, .modulo, [try compiler.value(nodes[0]), try compiler.value(nodes[1])], "mod", at: offset)
        },
        ExpressionFunction(
            "div", .numbers, "div(x, y)", "The quotient without what stands behind the point; null by 0.", "div(-7, 2)", "-3",
            arity: 2...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            try compiler.arithmetic(
                .divide, .quotient, [try compiler.value(nodes[0]), try compiler.value(nodes[1])], "div", at: offset)
        },
        extreme(
            "greatest", greatest: true, "The greatest of some values; nulls are passed over, NaN is above all numbers.",
            "greatest(1, null, 3)", "3"),
        extreme("least", greatest: false, "The least of some values; nulls are passed over.", "least(1, null, 3)", "1"),
        ExpressionFunction(
            "clip", .numbers, "clip(x, low, high)", "`x`, but not below `low` nor above `high`; null where one of them is.",
            "clip(12, 0, 10)", "10",
            arity: 3...3
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let values = try nodes.map { (node) throws(HeadwaterError) in try compiler.value(node) }
            for value in values { try compiler.expectNumber(value, "clip") }
            guard let type = try compiler.common(values) else { return compiler.null(at: offset) }
            let held = values.map { compiler.held($0, as: type) }
            let raised = compiler.emit(.pick(greatest: true, keepsNulls: true), [held[0], held[1]], type)
            return Compiled(
                register: compiler.emit(.pick(greatest: false, keepsNulls: true), [raised, held[2]], type), type: type,
                offset: offset)
        },
        test("is_nan", .isNaN, "Whether `x` is NaN.", "is_nan(1.5)"),
        test("is_inf", .isInfinite, "Whether `x` is ∞ or -∞.", "is_inf(1.5)"),
    ]

    /// A function of floats that gives a float.
    static func float(
        _ name: String, _ subject: ExpressionFunction.Subject, _ arguments: [String], _ function: FloatFunction, _ rule: String,
        _ example: String, _ result: String
    ) -> ExpressionFunction {
        ExpressionFunction(
            name, subject, "\(name)(\(arguments.joined(separator: ", ")))", rule, example, result,
            arity: arguments.count...arguments.count
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let registers = try nodes.map { (node) throws(HeadwaterError) in try compiler.float(node, name) }
            return Compiled(register: compiler.emit(.float(function), registers, .float64), type: .float64, offset: offset)
        }
    }

    /// A function of which integers are what they were.
    private static func whole(
        _ name: String, _ function: FloatFunction, _ rule: String, _ example: String, _ result: String
    ) -> ExpressionFunction {
        ExpressionFunction(name, .numbers, "\(name)(x)", rule + " An integer is itself.", example, result, arity: 1...1) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let x = try compiler.value(nodes[0])
            try compiler.expectNumber(x, name)
            if x.type?.isInteger == true { return x }
            return Compiled(
                register: compiler.emit(.float(function), [compiler.float(x)], .float64), type: .float64, offset: offset)
        }
    }

    private static func extreme(
        _ name: String, greatest: Bool, _ rule: String, _ example: String, _ result: String
    ) -> ExpressionFunction {
        ExpressionFunction(name, .numbers, "\(name)(x, y, …)", rule, example, result, arity: 1...Int.max) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let values = try nodes.map { (node) throws(HeadwaterError) in try compiler.value(node) }
            guard let type = try compiler.common(values) else { return compiler.null(at: offset) }
            guard type.laneKind != .lists, type.laneKind != .vectors else {
                throw compiler.error("\(name) takes numbers, texts, bools or times, not \(type)", at: offset)
            }
            var register = compiler.held(values[0], as: type)
            for value in values.dropFirst() {
                register = compiler.emit(
                    .pick(greatest: greatest, keepsNulls: false), [register, compiler.held(value, as: type)], type)
            }
            return Compiled(register: register, type: type, offset: offset)
        }
    }

    private static func test(_ name: String, _ function: FloatFunction, _ rule: String, _ example: String) -> ExpressionFunction {
        ExpressionFunction(name, .numbers, "\(name)(x)", rule, example, "false", arity: 1...1) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let x = try compiler.float(nodes[0], name)
            return Compiled(register: compiler.emit(.float(function), [x], .bool), type: .bool, offset: offset)
        }
    }

    static let trigonometry: [ExpressionFunction] = [
        float("sin", .trigonometry, ["x"], .sin, "The sine of an angle in radians; null of ∞.", "sin(0)", "0.0"),
        float("cos", .trigonometry, ["x"], .cos, "The cosine of an angle in radians; null of ∞.", "cos(0)", "1.0"),
        float("asin", .trigonometry, ["x"], .asin, "The angle of a sine, in radians; null outside of -1 to 1.", "asin(0)", "0.0"),
        float(
            "atan2", .trigonometry, ["y", "x"], .atan2, "The angle of the point (`x`, `y`), in radians, from -π to π.",
            "atan2(0, 1)", "0.0"),
        float(
            "radians", .trigonometry, ["degrees"], .radians, "An angle in degrees as radians.", "radians(180)",
            "3.141592653589793"),
        float(
            "haversine_km", .trigonometry, ["lat", "lon", "other_lat", "other_lon"], .haversine,
            "Kilometres between two places, in degrees, along a great circle of a sphere of radius 6,371.0088 km; null where one is no number.",
            "round(haversine_km(52.52, 13.405, 48.8566, 2.3522), 1)", "877.5"),
    ]

    static let choices: [ExpressionFunction] = [
        ExpressionFunction(
            "coalesce", .choices, "coalesce(x, y, …)", "The first value that is not null.", "coalesce(null, 2, 3)", "2",
            arity: 1...Int.max
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let values = try nodes.map { (node) throws(HeadwaterError) in try compiler.value(node) }
            let conditions = values.dropLast().map { value in
                compiler.emit(.logic(.not), [compiler.emit(.isNull, [value.register], .bool)], .bool)
            }
            return try compiler.choose(conditions, values, at: offset)
        },
        ExpressionFunction(
            "nullif", .choices, "nullif(x, y)", "`x`, or null where it equals `y`.", "nullif(0, 0) is null", "true", arity: 2...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let (x, y) = (try compiler.value(nodes[0]), try compiler.value(nodes[1]))
            let isEqual = try compiler.compare(.equal, x, y, at: offset).register
            return try compiler.choose([isEqual], [compiler.null(at: offset), x], at: offset)
        },
        ExpressionFunction(
            "if", .choices, "if(condition, x, y)", "`x` where the condition is true, else `y`: also where it is null.",
            "if(1 < 2, 'a', 'b')", "a",
            arity: 3...3
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let condition = try compiler.bool(nodes[0], "if")
            return try compiler.choose([condition], [try compiler.value(nodes[1]), try compiler.value(nodes[2])], at: offset)
        },
        ExpressionFunction(
            "found", .choices, "found(column)",
            "Whether the cell is PRESENT or NULL_VALUE: false where there is no row, or one that is too old. In feature services alone.",
            "", "", arity: 1...1
        ) { (compiler, nodes, _) throws(HeadwaterError) in try compiler.found(nodes[0]) },
    ]
}
