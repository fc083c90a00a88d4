import Foundation

/// Values as JSON bodies.
enum JSONText {
    static func encode(_ value: some Encodable) -> [UInt8] { encode(value, keys: .useDefaultKeys) }

    /// A report of the server: keys in snake_case.
    static func encode(report: some Encodable) -> [UInt8] { encode(report, keys: .convertToSnakeCase) }

    private static func encode(_ value: some Encodable, keys: JSONEncoder.KeyEncodingStrategy) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = keys
        // Texts, numbers and lists of them: they always encode.
        guard let data = try? encoder.encode(value) else { return [] }
        return [UInt8](data) + [UInt8(ascii: "\n")]
    }
}
