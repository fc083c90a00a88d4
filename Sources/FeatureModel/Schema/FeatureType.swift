/// The type of a key or feature column.
///
/// Codes are permanent: they stand in batches, chunks and snapshots (docs/formats/batch.md).
public indirect enum FeatureType: Hashable, Sendable, CustomStringConvertible {
    case bool
    case int32
    case int64
    case float32
    case float64
    /// UTF-8 text.
    case string
    case bytes
    /// Microseconds since 1970 UTC.
    case timestamp
    /// A list of any length of a scalar type; elements may be null.
    case array(FeatureType)
    /// Exactly `n` float32, none of them null.
    case vector(Int)

    static let scalars: [(name: String, code: UInt8, type: FeatureType)] = [
        ("bool", 1, .bool), ("int32", 2, .int32), ("int64", 3, .int64), ("float32", 4, .float32), ("float64", 5, .float64),
        ("string", 6, .string), ("bytes", 7, .bytes), ("timestamp", 8, .timestamp),
    ]
    /// The scalar types by their codes.
    private static let scalarsByCode: [FeatureType?] = (0...8).map { code in scalars.first { $0.code == code }?.type }
    private static func scalar(code: UInt8) -> FeatureType? { Int(code) < scalarsByCode.count ? scalarsByCode[Int(code)] : nil }
    static let arrayCode: UInt8 = 16
    static let vectorCode: UInt8 = 17

    /// The eight scalar types, in code order.
    public static let allScalars: [FeatureType] = scalars.map(\.type)

    /// Parses the spelling of the definitions: `float64`, `array(string)`, `vector(64)`.
    ///
    /// - Throws: `.invalidArgument` naming what is unknown and what there is.
    public static func parse(_ text: String) throws(HeadwaterError) -> FeatureType {
        if let scalar = scalars.first(where: { $0.name == text }) { return scalar.type }
        if let inner = argument(of: "array", in: text) {
            guard let element = scalars.first(where: { $0.name == inner }) else {
                throw HeadwaterError(.invalidArgument, "type '\(text)': an array holds a scalar type, not '\(inner)'")
            }
            return .array(element.type)
        }
        if let inner = argument(of: "vector", in: text) {
            guard let length = Int(inner), inner == String(length), (1...Limits.vectorLengthMax).contains(length) else {
                throw HeadwaterError(
                    .invalidArgument, "type '\(text)': a vector's length is a whole number from 1 to \(Limits.vectorLengthMax)")
            }
            return .vector(length)
        }
        throw HeadwaterError(
            .invalidArgument,
            "unknown type '\(text)': use bool, int32, int64, float32, float64, string, bytes, timestamp, array(T) or vector(n)")
    }

    private static func argument(of name: String, in text: String) -> String? {
        guard text.hasPrefix(name + "("), text.hasSuffix(")") else { return nil }
        return String(text.dropFirst(name.count + 1).dropLast())
    }

    public var description: String {
        switch self {
        case .array(let element): "array(\(element))"
        case .vector(let length): "vector(\(length))"
        default: Self.scalars.first { $0.type == self }!.name
        }
    }

    public var isScalar: Bool {
        switch self {
        case .array, .vector: false
        default: true
        }
    }

    /// Whether values of the type are times, or arrays of them.
    public var holdsTimes: Bool { self == .timestamp || self == .array(.timestamp) }

    /// Whether the type may stand in a key: int32, int64, string, bytes, timestamp.
    public var isKeyType: Bool {
        switch self {
        case .int32, .int64, .string, .bytes, .timestamp: true
        default: false
        }
    }

    /// Bytes of one value in a column's data buffer; `nil` for bits (bool) and for variable length.
    public var fixedWidth: Int? {
        switch self {
        case .int32, .float32: 4
        case .int64, .float64, .timestamp: 8
        case .vector(let length): 4 * length
        case .bool, .string, .bytes, .array: nil
        }
    }

    /// Whether a cell is a run of bytes: string or bytes.
    public var isText: Bool {
        switch self {
        case .string, .bytes: true
        default: false
        }
    }

    /// Whether values of this type can be read as `wider` without loss, as a schema change allows.
    public func widens(to wider: FeatureType) -> Bool {
        switch (self, wider) {
        case (.int32, .int64), (.float32, .float64): true
        default: self == wider
        }
    }
}

extension FeatureType {
    /// Bytes of a type descriptor: code, element code, two zeros, length (docs/formats/batch.md).
    public static let descriptorBytes = 8

    /// The type's own code, and that of an array's or vector's element, else 0.
    var codes: (code: UInt8, element: UInt8) {
        switch self {
        case .array(let element): (Self.arrayCode, element.scalarCode)
        case .vector: (Self.vectorCode, FeatureType.float32.scalarCode)
        default: (scalarCode, 0)
        }
    }

    public func appendDescriptor(to bytes: inout [UInt8]) {
        let (code, element) = codes
        bytes.append(contentsOf: [code, element, 0, 0])
        if case .vector(let length) = self {
            bytes.append(littleEndian: UInt32(length))
        } else {
            bytes.append(littleEndian: UInt32(0))
        }
    }

    /// Reads the descriptor at `offset`; the caller has checked that eight bytes are there.
    ///
    /// - Throws: `.unimplemented` for a code that this version does not know.
    public init(descriptorIn bytes: ArraySlice<UInt8>, at offset: Int) throws(HeadwaterError) {
        let code: UInt8 = bytes.littleEndian(at: offset)
        let element: UInt8 = bytes.littleEndian(at: offset + 1)
        let length: UInt32 = bytes.littleEndian(at: offset + 4)
        let isVector = code == Self.vectorCode
        guard bytes.littleEndian(at: offset + 2, as: UInt16.self) == 0, !isVector || element == FeatureType.float32.scalarCode
        else { throw Self.unknown(code, element, length) }
        self = try Self(code: code, element: isVector ? 0 : element, length: length)
    }

    /// The type of a code, an array's element code (else 0) and a vector's length (else 0).
    ///
    /// - Throws: `.unimplemented` where there is none.
    init(code: UInt8, element: UInt8, length: UInt32) throws(HeadwaterError) {
        let known: FeatureType? =
            switch code {
            case Self.arrayCode: length == 0 ? Self.scalar(code: element).map { .array($0) } : nil
            case Self.vectorCode:
                element == 0 && (1...Limits.vectorLengthMax).contains(Int(length)) ? .vector(Int(length)) : nil
            default: element == 0 && length == 0 ? Self.scalar(code: code) : nil
            }
        guard let known else { throw Self.unknown(code, element, length) }
        self = known
    }

    private static func unknown(_ code: UInt8, _ element: UInt8, _ length: UInt32) -> HeadwaterError {
        HeadwaterError(.unimplemented, "type code \(code) (element \(element), length \(length)) is not known to this version")
    }

    private var scalarCode: UInt8 { Self.scalars.first { $0.type == self }!.code }
}
