import FeatureModel
import NIOCore
import NIOHTTP1
import Tables

/// How rows are answered, by what the request accepts: NDJSON, CSV, or an Arrow stream.
struct AnswerFormat {
    private static let types: [(type: String, format: OutputFormat)] = [
        ("application/x-ndjson", .text(.ndjson)), ("text/csv", .text(.csv)), (ArrowStreamWriter.mediaType, .arrowStream),
    ]

    private let contentType: String
    private let format: OutputFormat

    /// - Throws: a refusal where the client takes none of them.
    init(_ request: WebRequest) throws(Refusal) {
        let accepted = request.headers[canonicalForm: "accept"].map { $0.prefix { $0 != ";" } }
            .map { String($0).trimmedOfSpaces.lowercased() }.filter { !$0.isEmpty }
        // Who takes anything, or says JSON, gets an object a line.
        let takesFirst = accepted.isEmpty || accepted.contains { ["application/json", "application/*", "*/*"].contains($0) }
        guard let found = accepted.lazy.compactMap({ Self.find($0) }).first ?? (takesFirst ? Self.types[0] : nil)
        else { throw .notAcceptable }
        (contentType, format) = found
    }

    private static func find(_ type: String) -> (type: String, format: OutputFormat)? { types.first { $0.type == type } }

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
