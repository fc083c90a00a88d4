internal import FeatureModel

/// Which log a file belongs to: 16 random bytes, chosen when the log was created.
public struct LogID: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 16

    public let bytes: [UInt8]

    /// Traps unless there are 16 bytes.
    public init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        precondition(self.bytes.count == LogID.byteCount, "a log id has 16 bytes")
    }

    /// 32 hexadecimal digits.
    public var description: String { bytes.hexadecimal }

    /// A checksum that has taken the id: what every record's checksums start from, so that one of another log does not hold.
    var seed: CRC32C {
        var crc = CRC32C()
        crc.update(bytes[...])
        return crc
    }
}

extension CRC32C {
    /// The checksum of what was taken so far and `bytes`.
    func checksum(adding bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc = self
        crc.update(bytes)
        return crc.value
    }
}
