/// Reads little-endian fields one after another, never beyond the end.
public struct ByteReader {
    private let all: ArraySlice<UInt8>
    private let cutOff: HeadwaterError
    /// Bytes that are read.
    public private(set) var offset = 0

    /// - Parameter cutOff: what to throw where a field goes beyond the end.
    public init(_ bytes: ArraySlice<UInt8>, cutOff: HeadwaterError) {
        all = bytes
        self.cutOff = cutOff
    }

    public var isAtEnd: Bool { offset == all.count }
    public var remaining: ArraySlice<UInt8> { all.dropFirst(offset) }

    @inlinable
    public mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) throws(HeadwaterError) -> T {
        try bytes(MemoryLayout<T>.size).littleEndian(at: 0)
    }

    /// An unsigned number of 32 bits in 1 to 5 bytes, seven bits in each, the lowest first, as short as it can be.
    public mutating func varint() throws(HeadwaterError) -> UInt32 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try integer(UInt8.self)
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                guard let whole = UInt32(exactly: number), byte != 0 || shift == 0 else { throw cutOff }
                return whole
            }
            shift += 7
            guard shift < 35 else { throw cutOff }
        }
    }

    /// A count that is stored in 64 bits.
    public mutating func count() throws(HeadwaterError) -> Int {
        guard let count = Int(exactly: try integer(UInt64.self)) else { throw cutOff }
        return count
    }

    public mutating func bytes(_ count: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= all.count - offset else { throw cutOff }
        defer { offset += count }
        return all.part(at: offset, count: count)
    }
}
