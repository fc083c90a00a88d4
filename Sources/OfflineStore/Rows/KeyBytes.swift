internal import FeatureModel

/// Comparing encoded keys as bytes, eight at a time.
enum KeyBytes {
    /// Below zero, zero or above zero as `left` sorts before, with or behind `right`.
    static func compare(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        let common = min(left.count, right.count)
        var index = 0
        while index + 8 <= common {
            let a = left.littleEndian(at: index, as: UInt64.self)
            let b = right.littleEndian(at: index, as: UInt64.self)
            if a != b { return a.byteSwapped < b.byteSwapped ? -1 : 1 }
            index += 8
        }
        while index < common {
            let a = left[left.startIndex + index]
            let b = right[right.startIndex + index]
            if a != b { return a < b ? -1 : 1 }
            index += 1
        }
        return left.count - right.count
    }

    /// The first eight bytes as a number that sorts as they do; shorter keys are filled with zeros.
    static func prefix(_ key: ArraySlice<UInt8>) -> UInt64 {
        if key.count >= 8 { return key.littleEndian(at: 0, as: UInt64.self).byteSwapped }
        var prefix: UInt64 = 0
        for byte in key { prefix = prefix << 8 | UInt64(byte) }
        return key.isEmpty ? 0 : prefix << UInt64(8 * (8 - key.count))
    }
}

/// Encoded keys one behind the other, with their prefixes for fast comparing.
struct KeyArena: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = [0]
    private var prefixes: [UInt64] = []
    /// Whether a key has more bytes than its prefix holds. Of keys no one begins
    /// with another, so that a key which ends within its prefix has it alone.
    private(set) var hasLongKeys = false

    var count: Int { prefixes.count }
    var byteCount: Int { bytes.count + count * 16 }

    subscript(index: Int) -> ArraySlice<UInt8> { bytes[ends[index]..<ends[index + 1]] }

    func prefix(_ index: Int) -> UInt64 { prefixes[index] }

    /// Encodes and appends the key in `row`.
    ///
    /// - Returns: `false`, with nothing appended, where a key column is null.
    mutating func append(_ columns: [Column], row: Int) -> Bool {
        guard KeyCodec.append(columns, row: row, to: &bytes) else { return false }
        didAppend()
        return true
    }

    /// Appends a key that is encoded already.
    mutating func append(_ key: ArraySlice<UInt8>) {
        bytes += key
        didAppend()
    }

    /// Appends a key of four or eight bytes whose prefix is `number`.
    mutating func append(number: UInt64, byteCount: Int) {
        bytes.append(littleEndian: number.byteSwapped)
        if byteCount < 8 { bytes.removeLast(8 - byteCount) }
        prefixes.append(number)
        ends.append(bytes.count)
    }

    private mutating func didAppend() {
        let key = bytes[ends[count]...]
        if key.count > 8 { hasLongKeys = true }
        prefixes.append(KeyBytes.prefix(key))
        ends.append(bytes.count)
    }

    /// All keys as a column of bytes.
    var column: Column {
        Column(
            type: .bytes, count: count, nullCount: 0, offsets: [UInt8](words: ends.map { Int64($0) }, width: 4)[...],
            data: bytes[...])
    }

    func isSame(_ left: Int, _ right: Int) -> Bool {
        prefixes[left] == prefixes[right] && (!hasLongKeys || KeyBytes.compare(self[left], self[right]) == 0)
    }

    /// Compares a key with an encoded one, whose prefix is given, as `KeyBytes.compare` does.
    func compare(_ index: Int, _ key: ArraySlice<UInt8>, prefix: UInt64) -> Int {
        let own = prefixes[index]
        if own != prefix { return own < prefix ? -1 : 1 }
        return KeyBytes.compare(self[index], key)
    }
}
