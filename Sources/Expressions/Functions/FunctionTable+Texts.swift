import FeatureModel

extension FunctionTable {
    static let texts: [ExpressionFunction] = [
        text(
            "lower", [.string], .string, .lower, "lower(text)", "In small letters; letters beyond ASCII stay as they are.",
            "lower('ABC')", "abc"),
        text(
            "upper", [.string], .string, .upper, "upper(text)", "In capitals; letters beyond ASCII stay as they are.",
            "upper('abc')", "ABC"),
        text("trim", [.string], .string, .trim, "trim(text)", "Without ASCII white space at both ends.", "trim('  a b ')", "a b"),
        ExpressionFunction(
            "length", .texts, "length(text)", "Code points of a text, bytes of bytes.", "length('Zürich')", "6", arity: 1...1
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let x = try compiler.value(nodes[0])
            guard x.type?.isText ?? true else {
                throw compiler.error(
                    "length takes a text, not \(x.type!)\(x.type!.laneKind == .lists ? ": use list_length" : "")",
                    at: nodes[0].offset)
            }
            let function: TextFunction = x.type == .bytes ? .byteLength : .length
            return Compiled(
                register: compiler.emit(.text(function), [compiler.held(x, as: x.type ?? .string)], .int64), type: .int64,
                offset: offset)
        },
        ExpressionFunction(
            "substr", .texts, "substr(text, from [, count])",
            "Code points from a place on, counted from 1. Places before the first are counted and hold nothing.",
            "substr('headwater', 5, 3)", "wat", arity: 2...3
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            var registers = [try compiler.typed(nodes[0], .string, "substr")]
            for node in nodes.dropFirst() { registers.append(try compiler.integer(node, "substr")) }
            return Compiled(register: compiler.emit(.text(.substring), registers, .string), type: .string, offset: offset)
        },
        text(
            "starts_with", [.string, .string], .bool, .startsWith, "starts_with(text, start)",
            "Whether a text begins with another.", "starts_with('abc', 'ab')",
            "true"),
        text(
            "contains", [.string, .string], .bool, .contains, "contains(text, part)", "Whether a text holds another.",
            "contains('abc', 'bc')", "true"),
        text(
            "replace", [.string, .string, .string], .string, .replace, "replace(text, part, other)",
            "With every `part`, from left to right, replaced; an empty one is nowhere.", "replace('a-b-c', '-', '+')", "a+b+c"),
        text(
            "split", [.string, .string], .array(.string), .split, "split(text, separator)",
            "The list of what stands between the separators; of an empty one, the text alone.",
            "list_length(split('a,b,,c', ','))", "4"),
    ]

    private static func text(
        _ name: String, _ types: [FeatureType], _ result: FeatureType, _ function: TextFunction, _ signature: String,
        _ rule: String,
        _ example: String, _ shown: String
    ) -> ExpressionFunction {
        ExpressionFunction(name, .texts, signature, rule, example, shown, arity: types.count...types.count) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            var registers: [Int] = []
            for (node, type) in zip(nodes, types) { registers.append(try compiler.typed(node, type, name)) }
            return Compiled(register: compiler.emit(.text(function), registers, result), type: result, offset: offset)
        }
    }

    static let documents: [ExpressionFunction] = [
        json(
            "json_text", .text, .string,
            "The text, number or bool at a path of a JSON document, as a text; null where there is none.",
            #"json_text('{"a": [{"b": "x"}]}', 'a[0].b')"#, "x"),
        json(
            "json_number", .number, .float64,
            "The number at a path of a JSON document, or a text that is one; null where there is none.",
            #"json_number('{"a": {"b": 1.5}}', 'a.b')"#, "1.5"),
    ]

    private static func json(
        _ name: String, _ function: JSONFunction, _ type: FeatureType, _ rule: String, _ example: String, _ result: String
    ) -> ExpressionFunction {
        ExpressionFunction(name, .documents, "\(name)(text, path)", rule, example, result, arity: 2...2) {
            (compiler, nodes, offset) throws(HeadwaterError) in
            let registers = [try compiler.typed(nodes[0], .string, name), try compiler.typed(nodes[1], .string, name)]
            return Compiled(register: compiler.emit(.json(function), registers, type), type: type, offset: offset)
        }
    }

    static let hashes: [ExpressionFunction] = [
        ExpressionFunction(
            "hash", .hashes, "hash(x)",
            "XXH64 of the value as an int64; a number has the same one as int32 and int64, as float32 and float64.",
            "hash('a')", "-3292477735350538661", arity: 1...1
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            Compiled(register: try hash(&compiler, nodes[0], "hash"), type: .int64, offset: offset)
        },
        ExpressionFunction(
            "bucket", .hashes, "bucket(x, n)",
            "A number from 0 to `n` - 1 that depends on the hash of `x`; null where `n` is below 1.", "bucket('a', 1)", "0",
            arity: 2...2
        ) { (compiler, nodes, offset) throws(HeadwaterError) in
            let registers = [try hash(&compiler, nodes[0], "bucket"), try compiler.integer(nodes[1], "bucket")]
            return Compiled(register: compiler.emit(.bucket, registers, .int64), type: .int64, offset: offset)
        },
    ]

    private static func hash(_ compiler: inout Compiler, _ node: SyntaxNode, _ user: String) throws(HeadwaterError) -> Int {
        let x = try compiler.value(node)
        guard let type = x.type else { return compiler.constant(.null, .int64) }
        return compiler.emit(.hash(type), [x.register], .int64)
    }
}
