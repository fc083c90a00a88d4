internal import FeatureModel

/// How one buffer of a page is stored. Codes are permanent.
enum BufferCodec: UInt8 {
    case plain = 0
    /// Int64 or timestamp words.
    case packed64 = 1
    case packed32 = 2
    /// Offsets, as the packed lengths between them.
    case lengths = 3
    case decimal64 = 4
    case decimal32 = 5

    /// Stores the offsets of texts or arrays.
    static func encode(offsets: ArraySlice<UInt8>) -> (codec: BufferCodec, bytes: ArraySlice<UInt8>) {
        if offsets.isEmpty { return (.plain, []) }
        let words = offsets.integers(width: 4)
        var lengths: [Int64] = []
        lengths.reserveCapacity(words.count - 1)
        for index in 1..<max(words.count, 1) { lengths.append(words[index] - words[index - 1]) }
        let packed = PackedIntegers.encode(lengths)
        return packed.count < offsets.count ? (.lengths, packed[...]) : (.plain, offsets)
    }

    /// Stores the cells of a column of type `type`, or the elements of arrays of it.
    ///
    /// - Parameter column: its nulls tell which cells do not matter.
    static func encode(cells column: Column) -> (codec: BufferCodec, bytes: ArraySlice<UInt8>) {
        let packed: (codec: BufferCodec, bytes: [UInt8])? =
            switch column.type {
            case .int64, .timestamp: (.packed64, PackedIntegers.encode(column.filledIntegers))
            case .int32: (.packed32, PackedIntegers.encode(column.filledIntegers))
            case .float64: DecimalFloats.encode(column.filledFloats, isSingle: false).map { (.decimal64, $0) }
            case .float32: DecimalFloats.encode(column.filledFloats, isSingle: true).map { (.decimal32, $0) }
            default: nil
            }
        if let packed, packed.bytes.count < column.data.count { return (packed.codec, packed.bytes[...]) }
        return (.plain, column.data)
    }

    /// Brings back the buffer of `count` offsets, or of `count` cells of `type`.
    ///
    /// - Throws: `.dataLoss` without a location.
    func decode(_ bytes: RawSpan, type: FeatureType?, count: Int) throws(HeadwaterError) -> [UInt8] {
        switch self {
        case .plain: return unsafe bytes.withUnsafeBytes { unsafe Array($0) }
        case .packed64, .packed32:
            guard Self.takes(self, type) else { throw wrongType }
            try PackedIntegers.check(bytes, count: count)
            return [UInt8](words: PackedIntegers.decode(bytes, count: count), width: self == .packed64 ? 8 : 4)
        case .lengths:
            guard type == nil, count > 0 else { throw wrongType }
            try PackedIntegers.check(bytes, count: count - 1)
            var end: Int64 = 0
            var offsets: [Int64] = [0]
            offsets.reserveCapacity(count)
            for length in PackedIntegers.decode(bytes, count: count - 1) {
                end &+= length
                offsets.append(end)
            }
            return [UInt8](words: offsets, width: 4)
        case .decimal64, .decimal32:
            guard Self.takes(self, type) else { throw wrongType }
            try DecimalFloats.check(bytes, count: count)
            var reader = DecimalFloats.Reader(bytes, count: count)
            var words: [Int64] = []
            words.reserveCapacity(count)
            for index in 0..<count { words.append(bits(reader.value(index, bytes))) }
            return [UInt8](words: words, width: self == .decimal64 ? 8 : 4)
        }
    }

    /// The stored bits of a float: of a float32 in the lower half.
    func bits(_ value: Double) -> Int64 {
        self == .decimal32 ? Int64(Float(value).bitPattern) : Int64(bitPattern: value.bitPattern)
    }

    /// Whether a codec may stand on a buffer of this type; `nil` stands for offsets.
    static func takes(_ codec: BufferCodec, _ type: FeatureType?) -> Bool {
        switch codec {
        case .plain: true
        case .packed64: type == .int64 || type == .timestamp
        case .packed32: type == .int32
        case .lengths: type == nil
        case .decimal64: type == .float64
        case .decimal32: type == .float32
        }
    }

    private var wrongType: HeadwaterError { HeadwaterError(.dataLoss, "a buffer's codec does not fit its type") }
}
