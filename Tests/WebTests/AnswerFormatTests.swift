import Testing

@testable import Web

@Suite struct AnswerFormatTests {
    private static let ndjson = "application/x-ndjson"
    private static let csv = "text/csv"
    private static let arrow = "application/vnd.apache.arrow.stream"

    @Test(
        arguments: [
            ([], ndjson), (["*/*"], ndjson), (["application/json"], ndjson), (["application/*"], ndjson), (["text/*"], csv),
            (["text/csv"], csv), (["Text/CSV; charset=utf-8"], csv), ([arrow], arrow), ([arrow, "text/csv"], arrow),
            (["*/*", "text/csv"], csv), (["application/json", "text/csv"], csv),
            (["text/csv;q=0.5", "\(arrow);q=0.9"], arrow), (["\(ndjson);q=0", "*/*"], csv),
            (["\(ndjson); q=0.0", "text/csv;Q=0", "*/*;q=0.1"], arrow), (["text/csv;q=0.2", "*/*"], ndjson),
        ] as [([String], String)])
    func whatTheClientLikesBestIsGiven(accept: [String], type: String) throws {
        #expect(try AnswerFormat(AcceptedTypes(accept)).contentType == type)
    }

    @Test(arguments: [["text/csv;q=0"], ["text/html"], ["*/*;q=0"], ["\(arrow);q=0", "image/*"], ["text/csv;q=no"]])
    func aClientThatTakesNoneIsRefused(accept: [String]) {
        #expect(throws: Refusal.self) { try AnswerFormat(AcceptedTypes(accept)) }
    }
}
