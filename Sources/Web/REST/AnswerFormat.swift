import FeatureModel
import NIOCore
import NIOHTTP1
import Tables

/// How rows are answered, by what the request accepts: NDJSON, CSV, or an Arrow stream.
struct AnswerFormat {
    private static let types: [(type: String, format: OutputFormat)] = [
        ("application/x-ndjson", .text(.ndjson)), ("text/csv", .text(.csv)), (ArrowStreamWriter.mediaType, .arrowStream),
    ]

    let contentType: String
    private let format: OutputFormat

    /// - Throws: a refusal where the client takes none of them.
    init(_ request: WebRequest) throws(Refusal) {
        try self.init(AcceptedTypes(request.headers[canonicalForm: "accept"].map(String.init)))
    }

    init(_ accepted: AcceptedTypes) throws(Refusal) {
        if accepted.isEmpty {
            (contentType, format) = Self.types[0]
            return
        }
        var best: (rank: AcceptedTypes.Rank, index: Int)?
        for (index, one) in Self.types.enumerated() {
            // Who says JSON gets an object a line.
            guard let rank = accepted.rank(of: one.type, aliases: index == 0 ? ["application/json"] : []) else { continue }
            // Of equal ones the first.
            if best.map({ $0.rank < rank }) ?? true { best = (rank, index) }
        }
        guard let best else { throw .notAcceptable }
        (contentType, format) = Self.types[best.index]
    }

    func writer(names: [String], types: [OutputType]) -> RowsWriter { RowsWriter(format, names: names, types: types) }

    /// Rows as they come.
    ///
    /// - Parameter rows: hands over the columns of some rows, again and again, and gives the position of the whole answer: it is
    ///   known behind the last row, and stands in a trailer.
    func response(
        _ writer: RowsWriter,
        _ rows: @escaping @Sendable (_ write: ([OutputColumn]) async throws -> Void) async throws -> Position?
    ) -> WebResponse {
        let body = WebResponse.Body.stream { write in
            var bytes: [UInt8] = []
            writer.appendHeader(to: &bytes)
            let position = try await rows { columns in
                try writer.check(columns)
                writer.append(columns, to: &bytes)
                try await write(ByteBuffer(bytes: bytes))
                bytes.removeAll(keepingCapacity: true)
            }
            writer.appendEnd(to: &bytes)
            try await write(ByteBuffer(bytes: bytes))
            return position.map { ["headwater-position": "\($0)"] } ?? [:]
        }
        return WebResponse(.ok, headers: ["trailer": "headwater-position"], contentType: contentType, body: body)
    }
}
