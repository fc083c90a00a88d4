import FeatureModel

/// XXH64 of a value's canonical bytes, which widening a column does not change: integers and times as 8 bytes, floats as
/// float64 with one zero and one NaN, a bool as a byte, texts as they are; of lists and vectors the count and each element,
/// texts with their length.
enum CanonicalHash {
    static func hash(_ value: Value) -> UInt64 {
        var bytes: [UInt8] = []
        append(value, inList: false, to: &bytes)
        return XXH64.hash(bytes)
    }

    private static func append(_ value: Value, inList: Bool, to bytes: inout [UInt8]) {
        // In a list it must be seen which elements are null.
        if inList { bytes.append(value.isNull ? 0 : 1) }
        switch value {
        case .null: break
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .int32(let value): bytes.append(littleEndian: Int64(value))
        case .int64(let value), .timestamp(let value): bytes.append(littleEndian: value)
        case .float32(let value): append(Double(value), to: &bytes)
        case .float64(let value): append(value, to: &bytes)
        case .string(let value), .bytes(let value):
            if inList { bytes.append(littleEndian: UInt64(value.bytes.count)) }
            bytes += value.bytes
        case .array(let values):
            bytes.append(littleEndian: UInt64(values.count))
            for value in values { append(value, inList: true, to: &bytes) }
        case .vector(let values):
            bytes.append(littleEndian: UInt64(values.count))
            for value in values { append(Double(value), to: &bytes) }
        }
    }

    private static func append(_ value: Double, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: (value.isNaN ? Lanes.nan64 : value == 0 ? 0 : value).bitPattern)
    }
}
