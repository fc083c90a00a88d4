internal import FeatureModel

/// The extension of a frame: entries `{u16 key length, u16 value length, key, value}` (docs/formats/wire.md).
public enum FrameExtension {
    /// The value of a key, of its first entry where it has several; `nil` where there is none.
    ///
    /// Bytes that are no whole entry end the search: an extension is never a reason to refuse a frame.
    public static func value(of key: String, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var rest = bytes
        while rest.count >= 4 {
            let keyBytes = Int(rest.littleEndian(at: 0, as: UInt16.self))
            let valueBytes = Int(rest.littleEndian(at: 2, as: UInt16.self))
            guard rest.count >= 4 + keyBytes + valueBytes else { return nil }
            let value = rest.part(at: 4 + keyBytes, count: valueBytes)
            if rest.part(at: 4, count: keyBytes).elementsEqual(key.utf8) { return value }
            rest = rest.dropFirst(4 + keyBytes + valueBytes)
        }
        return nil
    }

    /// One entry's bytes.
    ///
    /// - Precondition: key and value have less than 64 KiB each.
    public static func entry(_ key: String, _ value: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt16(key.utf8.count))
        bytes.append(littleEndian: UInt16(value.utf8.count))
        return bytes + Array(key.utf8) + Array(value.utf8)
    }
}
