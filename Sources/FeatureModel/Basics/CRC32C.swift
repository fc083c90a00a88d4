internal import CChecksum

/// CRC32C (Castagnoli), the checksum of every file and frame.
public struct CRC32C: Sendable {
    /// The checksum of all bytes taken so far.
    public private(set) var value: UInt32 = 0

    public init() {}

    public mutating func update(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { value = unsafe headwater_crc32c(value, $0.baseAddress, $0.count) }
    }

    public mutating func update(_ bytes: ArraySlice<UInt8>) { unsafe update(bytes.span.bytes) }

    public static func checksum(_ bytes: RawSpan) -> UInt32 {
        var crc = CRC32C()
        crc.update(bytes)
        return crc.value
    }

    public static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 { unsafe checksum(bytes.span.bytes) }
    public static func checksum(_ bytes: [UInt8]) -> UInt32 { unsafe checksum(bytes.span.bytes) }
}
