import FeatureModel

extension FunctionTable {
    private static let sample = "cast('2024-02-29T13:45:10Z' as timestamp)"

    static let times: [ExpressionFunction] = [
        part(.year, "The year.", "2024"), part(.month, "The month, 1 to 12.", "2"),
        part(.day, "The day of the month, from 1.", "29"),
        part(.dayOfWeek, "The day of the week: 1 is Monday, 7 Sunday.", "4"),
        part(.dayOfYear, "The day of the year, from 1.", "60"),
        part(.hour, "The hour, 0 to 23.", "13"), part(.minute, "The minute, 0 to 59.", "45"),
        ExpressionFunction(
            "date_trunc", .times, "date_trunc(unit, time [, offset])",
            "When the second, minute, hour, day, week (from Monday), month, quarter or year of a time began.",
            "date_trunc('month', \(sample))",
            "2024-02-01T00:00:00.000000Z", arity: 2...3
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let name = try compiler.literal(nodes[0], "date_trunc", "its unit")
            guard let unit = TimeUnitName(rawValue: name.lowercased()) else {
                let units = TimeUnitName.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
                throw compiler.error(
                    "'\(ExpressionText.shown(name))' is no unit of date_trunc: use one of \(units)", at: nodes[0].offset)
            }
            let distance = try zone(compiler, nodes, at: 2, "date_trunc")
            let time = try compiler.typed(nodes[1], .timestamp, "date_trunc")
            return Compiled(
                register: compiler.emit(.truncate(unit, offset: distance), [time], .timestamp), type: .timestamp, offset: offset)
        },
        between("seconds_between", perSecond: 1, "Seconds", "3661.0"),
        between("days_between", perSecond: 86_400, "Days of 24 hours", "0.04237268518518519"),
        ExpressionFunction(
            "request_time", .times, "request_time()",
            "The time of the answer: now in a get, or the time that it is asked for; the row's time in a history. In feature services alone.",
            "", "", arity: 0...0
        ) { (compiler, _, offset) throws(HeadwaterError) in
            guard compiler.scope.hasRequestTime else {
                throw compiler.error("request_time() stands in feature services alone", at: offset)
            }
            return Compiled(register: compiler.emit(.requestTime, [], .timestamp), type: .timestamp, offset: offset)
        },
    ]

    private static func part(_ part: CalendarPart, _ rule: String, _ result: String) -> ExpressionFunction {
        let name = part.rawValue
        return ExpressionFunction(
            name, .times, "\(name)(time [, offset])", rule + " In UTC, or at a distance from it such as '+02:00'.",
            "\(name)(\(sample))", result, arity: 1...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let distance = try zone(compiler, nodes, at: 1, name)
            let time = try compiler.typed(nodes[0], .timestamp, name)
            return Compiled(
                register: compiler.emit(.calendar(part, offset: distance), [time], .int64), type: .int64, offset: offset)
        }
    }

    private static func zone(
        _ compiler: Compiler, _ nodes: [SyntaxNode], at index: Int, _ user: String
    ) throws(HeadwaterError) -> Microseconds {
        guard nodes.count > index else { return 0 }
        let text = try compiler.literal(nodes[index], user, "the distance from UTC")
        guard let offset = Calendar.offset(text) else {
            throw compiler.error(
                "'\(ExpressionText.shown(text))' is no distance from UTC: write it as '+02:00' (zones with names would change with their tables)",
                at: nodes[index].offset)
        }
        return offset
    }

    private static func between(_ name: String, perSecond: Double, _ what: String, _ result: String) -> ExpressionFunction {
        ExpressionFunction(
            name, .times, "\(name)(from, to)", "\(what) from one time to another, with fractions; negative where it is earlier.",
            "\(name)(cast('2024-01-01' as timestamp), cast('2024-01-01T01:01:01Z' as timestamp))", result, arity: 2...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let registers = [try compiler.typed(nodes[0], .timestamp, name), try compiler.typed(nodes[1], .timestamp, name)]
            return Compiled(
                register: compiler.emit(.between(perSecond: perSecond * 1_000_000), registers, .float64), type: .float64,
                offset: offset)
        }
    }
}
