internal import FeatureModel

/// Reads little-endian fields one after another, checking every length.
struct ByteReader {
    private let all: ArraySlice<UInt8>
    private(set) var offset = 0

    init(_ bytes: ArraySlice<UInt8>) { all = bytes }

    var isAtEnd: Bool { offset == all.count }

    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(HeadwaterError) -> T {
        try bytes(MemoryLayout<T>.size).littleEndian(at: 0)
    }

    mutating func bytes(_ count: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= all.count - offset else { throw HeadwaterError(.dataLoss, "a field is cut off") }
        defer { offset += count }
        return all.part(at: offset, count: count)
    }

    /// A count that is stored in 64 bits.
    mutating func count() throws(HeadwaterError) -> Int {
        guard let count = Int(exactly: try integer(UInt64.self)) else {
            throw HeadwaterError(.dataLoss, "a count beyond 63 bits")
        }
        return count
    }
}
