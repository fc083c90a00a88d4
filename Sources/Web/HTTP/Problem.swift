import FeatureModel
import NIOHTTP1
import Server

/// An error as a body (RFC 9457), with the code that the wire protocol gives it.
struct Problem: Encodable {
    /// `about:blank`: the title says what the status does.
    var type = "about:blank"
    var title: String
    var status: Int
    var detail: String
    /// The name of the status code as the wire protocol, and gRPC, spell it.
    var code: String
    /// Where in the input it is: a file's place, a row.
    var location: String?

    init(_ error: HeadwaterError, status: HTTPResponseStatus? = nil) {
        let status = status ?? error.code.httpStatus
        title = status.reasonPhrase
        self.status = Int(status.code)
        detail = error.message
        code = error.code.name
        location = error.location
    }

    var response: WebResponse {
        return WebResponse(
            HTTPResponseStatus(statusCode: status), contentType: "application/problem+json",
            body: .bytes(JSON.encode(self) + [UInt8(ascii: "\n")]))
    }
}

extension StatusCode {
    /// As gRPC's gateways map it.
    var httpStatus: HTTPResponseStatus {
        switch self {
        case .ok: .ok
        case .invalidArgument, .outOfRange: .badRequest
        case .failedPrecondition: .preconditionFailed
        case .unauthenticated: .unauthorized
        case .permissionDenied: .forbidden
        case .notFound: .notFound
        case .alreadyExists, .aborted: .conflict
        case .resourceExhausted: .tooManyRequests
        case .cancelled: .custom(code: 499, reasonPhrase: "Client Closed Request")
        case .unimplemented: .notImplemented
        case .unavailable: .serviceUnavailable
        case .deadlineExceeded: .gatewayTimeout
        case .unknown, .internal, .dataLoss: .internalServerError
        }
    }
}
