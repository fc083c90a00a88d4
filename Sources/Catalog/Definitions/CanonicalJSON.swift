internal import FeatureModel
internal import Foundation

/// JSON as Headwater writes it: keys sorted, no white space.
enum CanonicalJSON {
    static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // What we encode holds text, whole numbers and finite numbers: JSON has a form for all of it.
        guard let data = try? encoder.encode(value) else { preconditionFailure("a value without a JSON form") }
        return Array(data)
    }

    /// - Throws: `code` where the bytes are no JSON of this shape; a `HeadwaterError` met inside keeps its message.
    static func decode<T: Decodable>(
        _ type: T.Type, from bytes: ArraySlice<UInt8>, orElse code: StatusCode, what: String
    ) throws(HeadwaterError) -> T {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as HeadwaterError {
            throw HeadwaterError(error.code == .unimplemented ? .unimplemented : code, "\(what): \(error.message)")
        } catch let error as DecodingError {
            throw HeadwaterError(code, "\(what): \(reason(error))")
        } catch {
            throw HeadwaterError(code, "\(what): not readable as JSON")
        }
    }

    /// The decoder's own words are many lines long; these are one.
    static func reason(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "the field '\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "the field '\(context.codingPath.map(\.stringValue).joined(separator: "."))' has a value of another kind"
        case .dataCorrupted(let context):
            context.underlyingError.map { "not JSON: \(firstLine("\($0.localizedDescription)"))" }
                ?? "not JSON: \(firstLine(context.debugDescription))"
        @unknown default: "not JSON"
        }
    }

    private static func firstLine(_ text: String) -> String {
        String(text.prefix { !$0.isNewline })
    }
}
