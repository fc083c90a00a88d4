/// The canonical bytes of a composite key: equal values ⇔ equal bytes, and bytes sort as the values do.
///
/// Integers and times: big-endian with the sign bit flipped. String and bytes: `00` is written `00 FF`, the end `00 01`.
/// Columns follow each other without separators. The empty key (a global feature) is the empty byte string.
/// The format is docs/formats/key.md.
public enum KeyCodec {
    /// Appends the key in `row`, one column each key column in order.
    ///
    /// - Returns: `false`, with `bytes` as they were, where a key column is null.
    public static func append(_ columns: [Column], row: Int, to bytes: inout [UInt8]) -> Bool {
        let start = bytes.count
        for column in columns {
            if column.isNull(row) {
                bytes.removeLast(bytes.count - start)
                return false
            }
            switch column.type {
            case .int32: append(int32: column.int32(row), to: &bytes)
            case .int64, .timestamp: append(int64: column.int64(row), to: &bytes)
            case .string, .bytes:
                let text = column.bytes(row)
                if text.contains(0) {
                    for byte in text {
                        bytes.append(byte)
                        if byte == 0 { bytes.append(0xFF) }
                    }
                } else {
                    bytes.append(contentsOf: text)
                }
                bytes.append(contentsOf: [0, 1])
            default: preconditionFailure("\(column.type) is not a key type")
            }
        }
        return true
    }

    /// Appends the keys of all rows, where they are of one fixed-width
    /// column without nulls: the quick way for what is most usual.
    ///
    /// - Returns: bytes of each key; `nil`, with nothing appended, for other keys: they go row by row.
    public static func appendFixedWidth(_ columns: [Column], rowCount: Int, to bytes: inout [UInt8]) -> Int? {
        guard columns.count == 1, columns[0].nullCount == 0 else { return nil }
        switch columns[0].type {
        case .int64, .timestamp: append(sorted: columns[0].data, rowCount: rowCount, of: UInt64.self, to: &bytes)
        case .int32: append(sorted: columns[0].data, rowCount: rowCount, of: UInt32.self, to: &bytes)
        default: return nil
        }
        return columns[0].type.fixedWidth
    }

    /// Appends integers big-endian with the sign bit flipped.
    private static func append<T: FixedWidthInteger & BitwiseCopyable>(
        sorted cells: ArraySlice<UInt8>, rowCount: Int, of type: T.Type, to bytes: inout [UInt8]
    ) {
        let width = MemoryLayout<T>.size
        let start = bytes.count
        precondition(cells.count >= rowCount * width)
        bytes.append(contentsOf: repeatElement(0, count: rowCount * width))
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe cells.withUnsafeBytes { cells in
                for row in 0..<rowCount {
                    // Both have `rowCount` cells of this width, by the precondition and the append before.
                    let cell = unsafe T(littleEndian: cells.loadUnaligned(fromByteOffset: row * width, as: T.self))
                    let sorted = (cell ^ (1 << (T.bitWidth - 1))).bigEndian
                    unsafe bytes.storeBytes(of: sorted, toByteOffset: start + row * width, as: T.self)
                }
            }
        }
    }

    /// The key in `row`; `nil` where a key column is null.
    public static func key(_ columns: [Column], row: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        return append(columns, row: row, to: &bytes) ? bytes : nil
    }

    /// Decodes a key into one builder for each key column.
    ///
    /// - Throws: `.dataLoss` where the bytes are no key of these types; the builders are then of no use.
    public static func decode(_ bytes: ArraySlice<UInt8>, into builders: inout [ColumnBuilder]) throws(HeadwaterError) {
        var rest = bytes
        for index in builders.indices {
            let type = builders[index].type
            switch type {
            case .int32:
                guard rest.count >= 4 else { throw malformed(bytes) }
                builders[index].append(int32: Int32(bitPattern: UInt32(bigEndian: rest.littleEndian(at: 0)) ^ 1 << 31))
                rest = rest.dropFirst(4)
            case .int64, .timestamp:
                guard rest.count >= 8 else { throw malformed(bytes) }
                builders[index].append(int64: Int64(bitPattern: UInt64(bigEndian: rest.littleEndian(at: 0)) ^ 1 << 63))
                rest = rest.dropFirst(8)
            case .string, .bytes:
                let text = try takeText(&rest, of: bytes)
                guard type == .bytes || isUTF8(text[...]) else { throw malformed(bytes) }
                builders[index].append(text: text)
            default: preconditionFailure("\(type) is not a key type")
            }
        }
        guard rest.isEmpty else { throw malformed(bytes) }
    }

    /// Decodes a key into boxed values, for messages and tests.
    public static func values(_ bytes: ArraySlice<UInt8>, types: [FeatureType]) throws(HeadwaterError) -> [Value] {
        var builders = types.map { ColumnBuilder($0) }
        try decode(bytes, into: &builders)
        return builders.map { $0.finish().value(0) }
    }

    static func append(int32 cell: Int32, to bytes: inout [UInt8]) {
        append(bigEndian: UInt32(bitPattern: cell) ^ 1 << 31, to: &bytes)
    }

    /// An int64 or timestamp cell.
    static func append(int64 cell: Int64, to bytes: inout [UInt8]) {
        append(bigEndian: UInt64(bitPattern: cell) ^ 1 << 63, to: &bytes)
    }

    private static func append<T: FixedWidthInteger>(bigEndian number: T, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: number.byteSwapped)
    }

    private static func takeText(_ rest: inout ArraySlice<UInt8>, of whole: ArraySlice<UInt8>) throws(HeadwaterError) -> [UInt8] {
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == 0 else {
                text.append(byte)
                continue
            }
            switch rest.popFirst() {
            case 0xFF: text.append(0)
            case 1: return text
            default: throw malformed(whole)
            }
        }
        throw malformed(whole)
    }

    private static func malformed(_ bytes: ArraySlice<UInt8>) -> HeadwaterError {
        HeadwaterError(.dataLoss, "\(bytes.count) bytes are no key of this entity")
    }
}
