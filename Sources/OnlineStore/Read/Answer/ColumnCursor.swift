internal import FeatureModel

/// Writes parts one behind the other into memory that has room for all of them.
@safe
struct ColumnCursor {
    private let base: UnsafeMutableRawPointer
    private(set) var count = 0

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

    private var next: UnsafeMutableRawPointer { unsafe base + count }

    @inline(__always)
    mutating func append(_ word: UInt64) {
        unsafe next.storeBytes(of: word.littleEndian, as: UInt64.self)
        count += 8
    }

    @inline(__always)
    mutating func append(_ number: UInt32) {
        unsafe next.storeBytes(of: number.littleEndian, as: UInt32.self)
        count += 4
    }

    @inline(__always)
    mutating func append(byte: UInt8) {
        unsafe next.storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    /// Appends bytes of a pinned row.
    @inline(__always)
    mutating func copy(_ address: UInt, byteCount: Int) {
        unsafe next.copyMemory(from: UnsafeRawPointer(bitPattern: address)!, byteCount: byteCount)
        count += byteCount
    }

    mutating func copy(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { unsafe next.copyMemory(from: start, byteCount: bytes.count) }
        }
        count += bytes.byteCount
    }

    mutating func zeros(_ byteCount: Int) {
        unsafe next.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        count += byteCount
    }

    /// Fills up with zeros to a multiple of eight.
    @inline(__always)
    mutating func pad() { zeros(PackedColumns.padded(count) - count) }

    @inline(__always)
    mutating func skip(_ byteCount: Int) { count += byteCount }

    /// Eight words of a row, each into its column, at `row`.
    @inline(__always)
    func scatter8(_ address: UInt, row: Int, columnBytes: Int) {
        let from = unsafe UnsafeRawPointer(bitPattern: address)!
        let to = unsafe next + row * 8
        for column in 0..<8 {
            let word = unsafe from.loadUnaligned(fromByteOffset: column * 8, as: UInt64.self)
            unsafe (to + column * columnBytes).storeBytes(of: word, as: UInt64.self)
        }
    }

    /// Takes back what was written from there on.
    mutating func rewind(to count: Int) { self.count = count }
}
