/// A place in a JSON document: `$.a.b[0]`, or the same without `$.`.
struct JSONPath: Hashable, Sendable {
    enum Step: Hashable, Sendable {
        case key([UInt8])
        /// From 0.
        case index(Int)
    }

    let steps: [Step]

    /// `nil` for text that is no path.
    init?(_ text: [UInt8]) {
        var steps: [Step] = []
        var rest = text[...]
        if rest.first == UInt8(ascii: "$") {
            rest = rest.dropFirst()
        } else if rest.first != UInt8(ascii: "[") {
            // As if `$.` stood before it.
            rest = ([UInt8(ascii: ".")] + text)[...]
        }
        while let first = rest.first {
            rest = rest.dropFirst()
            if first == UInt8(ascii: ".") {
                guard let key = JSONPath.key(&rest) else { return nil }
                steps.append(.key(key))
            } else if first == UInt8(ascii: "[") {
                let digits = rest.prefix { $0.isDigit }
                rest = rest.dropFirst(digits.count)
                guard digits.count <= 9, let index = Int(String(decoding: digits, as: UTF8.self)), rest.first == UInt8(ascii: "]")
                else { return nil }
                rest = rest.dropFirst()
                steps.append(.index(index))
            } else {
                return nil
            }
        }
        self.steps = steps
    }

    private static func key(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        if rest.first == UInt8(ascii: "\"") {
            let inner = rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") }
            rest = rest.dropFirst(inner.count + 1)
            guard rest.first != nil else { return nil }
            rest = rest.dropFirst()
            return Array(inner)
        }
        let bare = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "[") }
        rest = rest.dropFirst(bare.count)
        return bare.isEmpty ? nil : Array(bare)
    }
}
