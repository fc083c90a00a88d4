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

    init(_ head: HTTPRequestHead, _ target: RequestTarget, client: String, body: WebBody) {
        method = head.method
        headers = head.headers
        (path, query) = (target.path, target.query)
        self.client = client
        self.body = body
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
}

extension String {
    var trimmedOfSpaces: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
