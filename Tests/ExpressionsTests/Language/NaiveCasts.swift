import FeatureModel

@testable import Expressions

/// `cast`, over boxed values.
enum NaiveCasts {
    static func cast(_ value: Value, to type: FeatureType) -> Value {
        switch type {
        case .string: string(value)
        case .int64: integer(value).map { NaiveRules.int64($0) } ?? .null
        case .int32: integer(value).flatMap { Int32(exactly: $0) }.map { .int32($0) } ?? .null
        case .float64: float(value).map { .float64($0) } ?? .null
        case .float32: float(value).map { .float32(Float($0)) } ?? .null
        case .timestamp:
            if case .string(let text) = value {
                TimeText.parseRFC3339(trimmed(text.description)).map { .timestamp($0) } ?? .null
            } else {
                .timestamp(Int64(NaiveRules.integer(value)))
            }
        default: preconditionFailure("no cast to \(type)")
        }
    }

    private static func string(_ value: Value) -> Value {
        func named(_ number: Double, _ text: String) -> String {
            number.isNaN ? "NaN" : number == .infinity ? "Infinity" : number == -.infinity ? "-Infinity" : text
        }
        switch value {
        case .bool(let value): return .string(value ? "true" : "false")
        case .int32(let number): return .string(ByteString("\(number)"))
        case .int64(let number): return .string(ByteString("\(number)"))
        case .float32(let number): return .string(ByteString(named(Double(number), "\(number)")))
        case .float64(let number): return .string(ByteString(named(number, "\(number)")))
        case .timestamp(let instant): return .string(ByteString(TimeText.format(instant)))
        case .bytes(let bytes): return String(validating: bytes.bytes, as: UTF8.self).map { .string(ByteString($0)) } ?? .null
        default: return value
        }
    }

    private static func integer(_ value: Value) -> Int128? {
        switch value {
        case .float32, .float64: return Int128(exactly: NaiveRules.halfAway(NaiveRules.float(value))).flatMap { fits($0) }
        case .string(let text):
            let trimmed = trimmed(text.description)
            let digits = trimmed.hasPrefix("-") || trimmed.hasPrefix("+") ? trimmed.dropFirst() : trimmed[...]
            if !digits.isEmpty && digits.allSatisfy({ $0.isASCII && $0.isNumber }) { return Int128(trimmed).flatMap { fits($0) } }
            return number(trimmed).flatMap { Int128(exactly: NaiveRules.halfAway($0)) }.flatMap { fits($0) }
        default: return NaiveRules.integer(value)
        }
    }

    private static func fits(_ number: Int128) -> Int128? { Int64(exactly: number) == nil ? nil : number }

    private static func float(_ value: Value) -> Double? {
        if case .string(let text) = value { return number(trimmed(text.description)) }
        return NaiveRules.float(value)
    }

    private static func trimmed(_ text: String) -> String {
        let spaces: [Unicode.Scalar] = [" ", "\t", "\n", "\u{B}", "\u{C}", "\r"]
        var scalars = Array(text.unicodeScalars)
        while let last = scalars.last, spaces.contains(last) { scalars.removeLast() }
        let kept = scalars.drop { spaces.contains($0) }
        var result = ""
        result.unicodeScalars.append(contentsOf: kept)
        return result
    }

    private static func number(_ text: String) -> Double? {
        switch text.lowercased() {
        case "nan", "-nan", "+nan": return .nan
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        default: break
        }
        // Whatever else Swift reads as a number but for hexadecimal ones.
        guard text.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }) else { return nil }
        return Double(text)
    }
}
