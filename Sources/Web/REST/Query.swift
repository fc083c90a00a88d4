import FeatureModel

/// The query of a target, by name.
struct Query {
    private let values: [(name: String, value: String)]

    /// - Throws: `.invalidArgument` for a name that is not known, or that is there twice.
    init(_ request: WebRequest, _ known: [String]) throws(HeadwaterError) {
        values = request.query
        for (index, pair) in values.enumerated() {
            guard known.contains(pair.name) else {
                let there = known.isEmpty ? "this path takes none" : "there are \(known.joined(separator: ", "))"
                throw HeadwaterError(.invalidArgument, "unknown parameter '\(pair.name)'; \(there)")
            }
            guard !values[..<index].contains(where: { $0.name == pair.name }) else {
                throw HeadwaterError(.invalidArgument, "the parameter '\(pair.name)' is there twice")
            }
        }
    }

    func text(_ name: String) -> String? { values.first { $0.name == name }?.value }

    /// Names behind each other with commas between them.
    func list(_ name: String) -> [String] { text(name)?.split(separator: ",").map(String.init) ?? [] }

    func bool(_ name: String) throws(HeadwaterError) -> Bool {
        switch text(name) {
        case nil, "false": return false
        case "true", "": return true
        case let other?: throw HeadwaterError(.invalidArgument, "'\(other)' is not true or false", at: name)
        }
    }

    func position(_ name: String) throws(HeadwaterError) -> UInt64? {
        try text(name).map { (text) throws(HeadwaterError) in
            guard let number = UInt64(text) else {
                throw HeadwaterError(.invalidArgument, "'\(text)' is not a position, a whole number", at: name)
            }
            return number
        }
    }

    func time(_ name: String) throws(HeadwaterError) -> Microseconds? {
        try text(name).map { (text) throws(HeadwaterError) in
            guard let time = TimeText.parseRFC3339(text) ?? Int64(text) else {
                throw HeadwaterError(
                    .invalidArgument, "'\(text)' is not a time: RFC 3339, or whole microseconds since 1970", at: name)
            }
            return time
        }
    }
}
