import FeatureModel

/// Values of one type as another.
enum Cast {
    /// Types that a scalar can be cast to, beside its own.
    private static func possible(_ type: FeatureType) -> [FeatureType] {
        switch type {
        case .bool: [.int32, .int64, .string]
        case .int32, .int64: [.bool, .int32, .int64, .float32, .float64, .string, .timestamp]
        case .float32, .float64: [.int32, .int64, .float32, .float64, .string]
        case .string: [.bool, .int32, .int64, .float32, .float64, .timestamp, .bytes]
        case .bytes: [.string]
        case .timestamp: [.int64, .string]
        case .array, .vector: []
        }
    }

    static func isPossible(from type: FeatureType, to other: FeatureType) -> Bool { possible(type).contains(other) }

    static func targets(of type: FeatureType) -> String {
        let targets = possible(type).filter { $0 != type }
        return targets.isEmpty
            ? "lists and vectors cannot be cast" : "it can be cast to \(targets.map(\.description).joined(separator: ", "))"
    }

    /// The nearest integer, halves away from zero.
    static func integer(_ float: Double) -> Int64? {
        let rounded = float.roundedAwayFromZero
        return rounded >= -0x1p63 && rounded < 0x1p63 ? Int64(rounded) : nil
    }

    /// - Returns: `nil` where there is no such value.
    static func integer(_ integer: Int64, as type: FeatureType) -> Int64? {
        type == .int32 ? Int32(exactly: integer).map(Int64.init) : integer
    }

    /// The text of a scalar, as CSV and JSON spell it.
    static func text(integer: Int64, of type: FeatureType) -> [UInt8] {
        var text: [UInt8] = []
        if type == .timestamp { TimeText.append(integer, to: &text) } else { NumberText.append(integer, to: &text) }
        return text
    }

    static func text(float: Double, of type: FeatureType) -> [UInt8] {
        var text: [UInt8] = []
        if type == .float32 { NumberText.append(Float(float), to: &text) } else { NumberText.append(float, to: &text) }
        return text
    }

    static func bool(_ text: ArraySlice<UInt8>) -> Bool? {
        if text.elementsEqual("true".utf8) { return true }
        return text.elementsEqual("false".utf8) ? false : nil
    }

    static func float(_ text: ArraySlice<UInt8>, as type: FeatureType) -> Double? {
        let float = type == .float32 ? NumberText.float32(text).map(Double.init) : NumberText.float64(text)
        // Digits never mean infinity: they are a number beyond the range.
        return float?.isInfinite == true && !NumberText.isName(text) ? nil : float
    }

    static func isUTF8(_ text: ArraySlice<UInt8>) -> Bool { String(validating: text, as: UTF8.self) != nil }
}
