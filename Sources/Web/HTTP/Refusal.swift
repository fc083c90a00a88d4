import FeatureModel
import NIOHTTP1
import Server
import Tables

/// A refusal whose status, or whose headers, say more than the error's code.
struct Refusal: Error {
    let error: HeadwaterError
    /// `nil`: the one of the error's code.
    var status: HTTPResponseStatus?
    var headers: HTTPHeaders = [:]

    /// The answer that an error makes.
    static func response(to error: any Error) -> WebResponse {
        guard let refusal = error as? Refusal else { return Problem(asHeadwaterError(error)).response }
        var response = Problem(refusal.error, status: refusal.status).response
        response.headers.add(contentsOf: refusal.headers)
        return response
    }
}

extension Refusal {
    /// A request that calls this server by a name which it does not have.
    static func wrongHost(_ host: String) -> Refusal {
        let message = "'\(host)' is no name of this server: use its address, or start it with --http-host NAME"
        return Refusal(error: HeadwaterError(.permissionDenied, message), status: .misdirectedRequest)
    }

    static func methodNotAllowed(_ methods: [HTTPMethod]) -> Refusal {
        let names = methods.map(\.rawValue)
        return Refusal(
            error: HeadwaterError(.invalidArgument, "this path takes \(names.joined(separator: " and "))"),
            status: .methodNotAllowed, headers: ["allow": names.joined(separator: ", ")])
    }

    /// No form of the answer is one that the client takes.
    static let notAcceptable = Refusal(
        error: HeadwaterError(
            .invalidArgument, "rows are given as application/x-ndjson, text/csv or \(ArrowStreamWriter.mediaType)"),
        status: .notAcceptable)

    /// A body of more bytes than are read at once.
    static func bodyTooLarge(bytesMax: Int) -> Refusal {
        Refusal(
            error: HeadwaterError(.resourceExhausted, "a body of more than \(bytesMax) bytes: send less at once"),
            status: .payloadTooLarge)
    }

    /// A body packed in a way that is not known.
    static func unsupportedEncoding(_ encoding: String) -> Refusal {
        Refusal(
            error: HeadwaterError(.invalidArgument, "a body is packed by gzip or not at all, and not by '\(encoding)'"),
            status: .unsupportedMediaType, headers: ["accept-encoding": "gzip"])
    }

    /// A body of a type that a path does not take.
    static func unsupportedMediaType(takes: [String]) -> Refusal {
        let types = takes.joined(separator: ", ")
        return Refusal(
            error: HeadwaterError(.invalidArgument, "the body's Content-Type is one of \(types)"),
            status: .unsupportedMediaType, headers: ["accept": types])
    }

    /// A stream of rows broke off after some had been written.
    static func partlyWritten(rows: Int, position: Position, _ reason: HeadwaterError) -> Refusal {
        Refusal(
            error: HeadwaterError(
                reason.code, "rows 1 to \(rows) were written, up to position \(position); behind them: \(reason.message)",
                at: reason.location),
            headers: ["headwater-rows-written": "\(rows)"])
    }
}
