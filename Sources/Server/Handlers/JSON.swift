#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// JSON bodies of answers.
enum JSON {
    static func encode(_ value: some Encodable) -> ArraySlice<UInt8> {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Reports and descriptions are strings and integers: they always encode.
        guard let data = try? encoder.encode(value) else { return [] }
        return Array(data)[...]
    }
}
