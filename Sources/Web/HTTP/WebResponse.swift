import FeatureModel
import NIOCore
import NIOHTTP1
import Server

/// An answer to one HTTP request.
struct WebResponse: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        /// Bytes as they come to be, and the trailers behind them. Where it throws, the connection is cut, so that nobody takes a
        /// part for the whole.
        case stream(@Sendable (_ write: (ByteBuffer) async throws -> Void) async throws -> HTTPHeaders)
    }

    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: Body

    init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], contentType: String, body: Body) {
        self.status = status
        self.headers = headers
        self.headers.replaceOrAdd(name: "content-type", value: contentType)
        self.body = body
    }

    static func json(_ bytes: [UInt8], _ status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]) -> WebResponse {
        WebResponse(status, headers: headers, contentType: "application/json", body: .bytes(bytes))
    }

    /// A report of the server: keys in snake_case.
    static func json(
        report: some Encodable, _ status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]
    ) -> WebResponse {
        .json(JSON.encode(report: report) + [UInt8(ascii: "\n")], status, headers: headers)
    }
}
