import Tables

/// A JSON text that is built in code; members keep their order.
indirect enum JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, Sendable
{
    case text(String)
    case integer(Int)
    case bool(Bool)
    case list([JSONValue])
    case object([(name: String, value: JSONValue)])

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: JSONValue...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { ($0, $1) }) }

    static func texts(_ texts: [String]) -> JSONValue { .list(texts.map { .text($0) }) }

    var bytes: [UInt8] {
        var json: [UInt8] = []
        append(to: &json)
        return json
    }

    func append(to json: inout [UInt8]) {
        switch self {
        case .text(let text): JSONString.append(text, to: &json)
        case .integer(let number): json.append(contentsOf: "\(number)".utf8)
        case .bool(let isTrue): json.append(contentsOf: (isTrue ? "true" : "false").utf8)
        case .list(let elements):
            json.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                element.append(to: &json)
            }
            json.append(UInt8(ascii: "]"))
        case .object(let members):
            json.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                JSONString.append(member.name, to: &json)
                json.append(UInt8(ascii: ":"))
                member.value.append(to: &json)
            }
            json.append(UInt8(ascii: "}"))
        }
    }
}
