#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// JSON bodies of answers.
package enum JSON {
    /// A value whose keys are spelt as they should be.
    package static func encode(_ value: some Encodable) -> ArraySlice<UInt8> { encode(value, keys: .useDefaultKeys) }

    /// A report: keys in snake_case.
    package static func encode(report: some Encodable) -> ArraySlice<UInt8> { encode(report, keys: .convertToSnakeCase) }

    private static func encode(_ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy) -> ArraySlice<UInt8> {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = keys
        // Reports and descriptions are strings and integers: they always encode.
        guard let data = try? encoder.encode(value) else { return [] }
        return Array(data)[...]
    }

    /// A report of another server; `nil` where it cannot be read.
    static func decode<Value: Decodable>(report type: Value.Type, _ bytes: ArraySlice<UInt8>) -> Value? {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try? decoder.decode(type, from: Data(bytes))
    }
}
