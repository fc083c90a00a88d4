/// One immutable column in Arrow's memory layout.
///
/// Buffers are slices, so columns of a decoded batch share its storage and nothing is copied.
///
/// | type | `offsets` | `data` |
/// | --- | --- | --- |
/// | bool | – | one bit a cell |
/// | int32 … float64, timestamp | – | 4 or 8 bytes a cell |
/// | string, bytes | count + 1 × int32, into `data` | the bytes |
/// | array(T) | count + 1 × int32, into the elements | elements, laid out as a column of T |
/// | vector(n) | – | n × 4 bytes a cell |
///
/// An array's elements use `elementValidity` and, for string and bytes, `elementOffsets`. An empty validity means that
/// nothing is null. A null cell has zeros in `data`, or an empty range.
public struct Column: Sendable {
    public let type: FeatureType
    public let count: Int
    public let nullCount: Int
    public let data: ArraySlice<UInt8>
    @usableFromInline
    let others: OtherBuffers?

    /// What a column of fixed width without nulls does not have: kept apart, so that such a column is quick to make and to copy.
    @usableFromInline
    final class OtherBuffers: Sendable {
        @usableFromInline
        let validity: ArraySlice<UInt8>
        @usableFromInline
        let offsets: ArraySlice<UInt8>
        let elementValidity: ArraySlice<UInt8>
        let elementOffsets: ArraySlice<UInt8>
        /// Null elements of all array cells together; counted once, as `elements` is asked for at every cell.
        let elementNullCount: Int

        init(
            count: Int, validity: ArraySlice<UInt8>, offsets: ArraySlice<UInt8>, elementValidity: ArraySlice<UInt8>,
            elementOffsets: ArraySlice<UInt8>
        ) {
            self.validity = validity
            self.offsets = offsets
            self.elementValidity = elementValidity
            self.elementOffsets = elementOffsets
            if elementValidity.isEmpty {
                elementNullCount = 0
            } else {
                let elementCount = Int(offsets.littleEndian(at: count * 4, as: Int32.self))
                elementNullCount = elementCount - elementValidity.setBits(elementCount)
            }
        }
    }

    /// Wraps buffers that are known to be well formed; bytes from outside go through `checked`.
    public init(
        type: FeatureType, count: Int, nullCount: Int, validity: ArraySlice<UInt8> = [], offsets: ArraySlice<UInt8> = [],
        elementValidity: ArraySlice<UInt8> = [], elementOffsets: ArraySlice<UInt8> = [], data: ArraySlice<UInt8>
    ) {
        self.type = type
        self.count = count
        self.nullCount = nullCount
        self.data = data
        let hasOthers = !(validity.isEmpty && offsets.isEmpty && elementValidity.isEmpty && elementOffsets.isEmpty)
        others =
            hasOthers
            ? OtherBuffers(
                count: count, validity: validity, offsets: offsets, elementValidity: elementValidity,
                elementOffsets: elementOffsets) : nil
    }

    /// One bit a cell, 1 = not null; empty where there is no null.
    @inlinable
    public var validity: ArraySlice<UInt8> { others?.validity ?? [] }
    @inlinable
    public var offsets: ArraySlice<UInt8> { others?.offsets ?? [] }
    public var elementValidity: ArraySlice<UInt8> { others?.elementValidity ?? [] }
    public var elementOffsets: ArraySlice<UInt8> { others?.elementOffsets ?? [] }

    /// The five buffers in the order in which every format stores them.
    public var buffers: [ArraySlice<UInt8>] { [validity, offsets, elementValidity, elementOffsets, data] }

    /// Whether both have the same cells in the same layout. - Complexity: O(1) where they share storage, else O(bytes).
    public func hasSameBuffers(as other: Column) -> Bool {
        type == other.type && count == other.count && nullCount == other.nullCount
            && zip(buffers, other.buffers).allSatisfy { $0 == $1 }
    }

    /// Bytes of all buffers together.
    public var byteCount: Int { validity.count + offsets.count + elementValidity.count + elementOffsets.count + data.count }

    @inlinable
    public func isNull(_ row: Int) -> Bool { nullCount > 0 && !validity.bit(row) }

    @inlinable
    public func bool(_ row: Int) -> Bool { data.bit(row) }
    @inlinable
    public func int32(_ row: Int) -> Int32 { data.littleEndian(at: row * 4) }
    /// An int64 or timestamp cell.
    @inlinable
    public func int64(_ row: Int) -> Int64 { data.littleEndian(at: row * 8) }
    @inlinable
    public func float32(_ row: Int) -> Float { Float(bitPattern: data.littleEndian(at: row * 4)) }
    @inlinable
    public func float64(_ row: Int) -> Double { Double(bitPattern: data.littleEndian(at: row * 8)) }

    /// The range of a string, bytes or array cell: bytes of `data`, or elements.
    @inlinable
    public func range(_ row: Int) -> Range<Int> {
        Int(offsets.littleEndian(at: row * 4, as: Int32.self))..<Int(offsets.littleEndian(at: row * 4 + 4, as: Int32.self))
    }

    /// The bytes of a string or bytes cell, sharing the column's storage.
    @inlinable
    public func bytes(_ row: Int) -> ArraySlice<UInt8> {
        let range = range(row)
        return data.part(at: range.lowerBound, count: range.count)
    }

    /// The raw bytes of a fixed-width cell, sharing the column's storage.
    @inlinable
    public func fixedBytes(_ row: Int, width: Int) -> ArraySlice<UInt8> { data.part(at: row * width, count: width) }

    /// An array's elements as a column of their own, sharing storage.
    ///
    /// - Complexity: O(1).
    public var elements: Column {
        guard case .array(let element) = type else { preconditionFailure("\(type) has no elements") }
        return Column(
            type: element, count: Int(offsets.littleEndian(at: count * 4, as: Int32.self)),
            nullCount: others?.elementNullCount ?? 0,
            validity: elementValidity, offsets: elementOffsets, data: data)
    }

    /// One cell, boxed.
    public func value(_ row: Int) -> Value {
        precondition(row >= 0 && row < count)
        if isNull(row) { return .null }
        switch type {
        case .bool: return .bool(bool(row))
        case .int32: return .int32(int32(row))
        case .int64: return .int64(int64(row))
        case .float32: return .float32(float32(row))
        case .float64: return .float64(float64(row))
        case .string: return .string(ByteString(bytes(row)))
        case .bytes: return .bytes(ByteString(bytes(row)))
        case .timestamp: return .timestamp(int64(row))
        case .array:
            let elements = elements
            return .array(range(row).map { elements.value($0) })
        case .vector(let length):
            return .vector((0..<length).map { Float(bitPattern: data.littleEndian(at: (row * length + $0) * 4)) })
        }
    }

    /// All cells, boxed: for tests and printing.
    public var values: [Value] { (0..<count).map { value($0) } }
}
