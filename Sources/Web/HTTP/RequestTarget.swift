import FeatureModel

/// What a request asks for: a path, or a whole URL, as clients send it that take this server for a proxy.
///
/// *Source*: RFC 9112, section 3.2.
struct RequestTarget {
    /// Host and port of a URL; `nil` for a path, whose host the header says.
    let authority: String?
    /// The path's parts, percent-decoded: `/v1/status` is `["v1", "status"]`.
    let path: [String]
    let query: [(name: String, value: String)]

    /// - Throws: `.invalidArgument` for a target that is no path or URL, or not of UTF-8.
    init(_ text: String) throws(HeadwaterError) {
        var rest = text[...]
        if text.hasPrefix("/") {
            authority = nil
        } else {
            guard text.prefix(7).lowercased() == "http://" else { throw Self.unknown }
            let named = rest.dropFirst(7).prefix { $0 != "/" && $0 != "?" }
            guard !named.isEmpty, !named.contains("@") else { throw Self.unknown }
            authority = String(named)
            rest = rest[named.endIndex...]
        }
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = try (parts.first ?? "").split(separator: "/").map { (part) throws(HeadwaterError) in try Self.decoded(part) }
        var query: [(name: String, value: String)] = []
        for part in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count > 1 ? try Self.decoded(pair[1], plusIsSpace: true) : ""
            query.append((try Self.decoded(pair[0], plusIsSpace: true), value))
        }
        self.query = query
    }

    private static let unknown = HeadwaterError(
        .invalidArgument, "the target of a request is a path, such as /healthz, or a URL of http:// without a user")

    private static func decoded(_ text: Substring, plusIsSpace: Bool = false) throws(HeadwaterError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+"), plusIsSpace {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%") {
                let digits = String(Substring(rest.prefix(2)))
                guard digits.count == 2, digits.allSatisfy(\.isHexDigit), let code = UInt8(digits, radix: 16) else {
                    throw HeadwaterError(.invalidArgument, "'%' in a target stands before two hexadecimal digits")
                }
                rest = rest.dropFirst(2)
                bytes.append(code)
            } else {
                bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw HeadwaterError(.invalidArgument, "the target of the request is not UTF-8")
        }
        return decoded
    }
}
