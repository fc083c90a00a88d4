package import FeatureModel

/// All functions of the language: what the compiler looks names up in, and what help and documentation are made of.
package enum FunctionTable {
    /// In the order in which they are shown.
    package static let all: [Function] =
        numbers + nulls + angles + text + times + vectors + lists + json + hashes + request

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    static func named(_ name: String) -> Function? { byName[name] }

    /// What people may look for under another name.
    static let otherNames: [String: String] = [
        "log": "write ln(x) for the natural logarithm, log10(x) or log2(x)",
        "power": "write pow(x, y)", "ceiling": "write ceil(x)", "max": "write greatest(x, y)", "min": "write least(x, y)",
        "ifnull": "write coalesce(x, y)", "isnull": "write x is null", "iif": "write if(condition, x, y)",
        "concat": "write x || y", "now": "write request_time(), the time for which the answer is given",
        "char_length": "write length(x)", "len": "write length(x) of a text, list_length(x) of a list",
        "substring": "write substr(x, start, count)", "extract": "write year(t), month(t), hour(t) …",
        "hour_of_day": "write hour(t)", "isnan": "write is_nan(x)", "tan": "write sin(x) / cos(x)",
        "atan": "write atan2(y, 1)", "l2_norm": "write norm(x)", "cosine_similarity": "write cosine(x, y)",
        "to_timestamp": "write cast(x as timestamp)", "array_length": "write list_length(x)",
        "size": "write list_length(x)", "json_extract": "write json_text(x, '$.key') or json_number(x, '$.key')",
        "clamp": "write clip(x, low, high)", "haversine": "write haversine_km(lat, lon, lat, lon)",
        "mean": "write list_mean(x)", "sum": "write list_sum(x)", "xxhash64": "write hash(x)",
        "date_part": "write year(t), month(t), hour(t) …", "regexp_matches": "write starts_with(x, y) or contains(x, y)",
        "ends_with": "write substr(x, -3) = 'end'", "weekday": "write day_of_week(t)", "position": "write contains(x, y)",
    ]

    /// The columns that examples name, with their cells.
    package static let exampleColumns: [(field: Field, value: Value)] = [
        (Field("missing", .float64), .null),
        (Field("numbers", .array(.float64)), .array([.float64(1), .float64(2.5), .null, .float64(2.5)])),
        (Field("words", .array(.string)), .array([.string("red"), .string("blue"), .string("red")])),
        (Field("v", .vector(3)), .vector([1, 2, 2])),
        (Field("w", .vector(3)), .vector([2, 0, 0])),
        (Field("document", .string), .string("{\"user\": {\"name\": \"Ada\", \"scores\": [7, 9.5]}}")),
        (Field("at", .timestamp), .timestamp(1_709_214_300_000_000)),
    ]

    /// A value as examples show it.
    package static func shown(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .int32(let number): "\(number)"
        case .int64(let number): "\(number)"
        case .float32(let number): Scalars.text(number)
        case .float64(let number): Scalars.text(number)
        case .string(let text), .bytes(let text): "'\(text)'"
        case .timestamp(let instant): TimeText.format(instant)
        case .array(let values): "[" + values.map(shown).joined(separator: ", ") + "]"
        case .vector(let values): "[" + values.map { Scalars.text($0) }.joined(separator: ", ") + "]"
        }
    }
}

extension Overload {
    /// Over a scalar type as it lies in registers.
    static func byKind(
        _ parameters: [Parameter], _ result: Result, _ operation: @escaping @Sendable (CellKind) -> Operation
    ) -> Overload {
        Overload(parameters, result) { call in call.emit(operation(call.types[0].cellKind!)) }
    }

    /// Over a list by how its elements lie on the heap.
    static func byElement(_ parameters: [Parameter], _ result: Result, _ operation: ListOperation) -> Overload {
        Overload(parameters, result) { call in
            guard case .array(let element) = call.types[0] else { preconditionFailure("a list was checked") }
            return call.emit(.list(operation, element.cellKind!))
        }
    }

    /// A function of floats.
    static func floats(_ count: Int, _ operation: FloatOperation) -> Overload {
        Overload(Array(repeating: .float, count: count), .type(.float64), .float(operation))
    }

    /// A function of integers.
    static func integers(_ count: Int, _ operation: IntegerOperation) -> Overload {
        Overload(Array(repeating: .integer, count: count), .type(.int64), .integer(operation))
    }

    /// What leaves integers as they are.
    static let wholeNumber = Overload([.integer], .type(.int64)) { call in call.arguments[0] }
}
