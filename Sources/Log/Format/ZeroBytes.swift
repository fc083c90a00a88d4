internal import FeatureModel

extension ArraySlice<UInt8> {
    /// Whether all bytes are zero, eight at a time: a recovery looks at whole segments of zeros.
    var isZero: Bool {
        var offset = 0
        while offset + 8 <= count {
            if littleEndian(at: offset, as: UInt64.self) != 0 { return false }
            offset += 8
        }
        return dropFirst(offset).allSatisfy { $0 == 0 }
    }
}
