import FeatureModel
import NIOHTTP1
import Wire

/// One HTTP request, its body still on its way.
struct WebRequest {
    let method: HTTPMethod
    /// The path's parts, percent-decoded: `/v1/status` is `["v1", "status"]`.
    let path: [String]
    let query: [(name: String, value: String)]
    let headers: HTTPHeaders
    /// The address of the client.
    let client: String
    let body: WebBody

    /// - Throws: `.invalidArgument` for a target that is no path of UTF-8.
    init(_ head: HTTPRequestHead, client: String, body: WebBody) throws(HeadwaterError) {
        method = head.method
        headers = head.headers
        self.client = client
        self.body = body
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard head.uri.hasPrefix("/") else {
            throw HeadwaterError(.invalidArgument, "the target of a request is a path, such as /healthz")
        }
        path = try parts[0].split(separator: "/").map { (part) throws(HeadwaterError) in try Self.decoded(part) }
        var query: [(name: String, value: String)] = []
        for part in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count > 1 ? try Self.decoded(pair[1], plusIsSpace: true) : ""
            query.append((try Self.decoded(pair[0], plusIsSpace: true), value))
        }
        self.query = query
    }

    /// The trace that the client names; `nil` where it names none, or more than one.
    var trace: TraceContext? {
        let all = headers["traceparent"]
        return all.count == 1 ? TraceContext(all[0].trimmedOfSpaces) : nil
    }

    /// The media type of the body, in lower case and without parameters; `nil` where none is said.
    var contentType: String? {
        headers.first(name: "content-type").map {
            String($0.prefix { $0 != ";" }).trimmedOfSpaces.lowercased()
        }
    }

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

extension String {
    var trimmedOfSpaces: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
