/// Little-endian integers in byte buffers: how every format of the house writes its numbers.
extension RawSpan {
    /// The integer at `offset`. Traps beyond the end: check lengths first.
    @inlinable
    @inline(__always)
    public func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
        // Every bit pattern is an integer, and the load checks its bounds.
        T(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// Whether two runs of bytes are the same, eight at a time.
    @inlinable
    @inline(__always)
    public func hasSameBytes(as other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        var offset = 0
        while offset + 8 <= byteCount {
            if littleEndian(at: offset, as: UInt64.self) != other.littleEndian(at: offset, as: UInt64.self) { return false }
            offset += 8
        }
        while offset < byteCount {
            if littleEndian(at: offset, as: UInt8.self) != other.littleEndian(at: offset, as: UInt8.self) { return false }
            offset += 1
        }
        return true
    }
}

extension ArraySlice<UInt8> {
    /// The integer at `offset` from the slice's own start. Traps beyond the end: check lengths first.
    @inlinable
    @inline(__always)
    public func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
        unsafe span.bytes.littleEndian(at: offset, as: type)
    }

    /// `count` bytes at `offset` from the slice's own start, sharing its storage.
    @inlinable
    @inline(__always)
    public func part(at offset: Int, count: Int) -> ArraySlice<UInt8> {
        self[startIndex + offset..<startIndex + offset + count]
    }
}

extension ArraySlice<UInt8> {
    /// Lends the bytes for the length of `body`.
    @inlinable
    @inline(__always)
    public func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }
}

extension [UInt8] {
    /// Takes the place of what was there a copy of `bytes`, in the same memory where that is large enough.
    public mutating func replaceAll(with bytes: RawSpan) {
        removeAll(keepingCapacity: true)
        // The array copies the span's bytes before the closure returns.
        unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }

    @inlinable
    public mutating func append<T: FixedWidthInteger>(littleEndian number: T) {
        var copy = number.littleEndian
        unsafe Swift.withUnsafeBytes(of: &copy) { unsafe append(contentsOf: $0) }
    }

    /// Appends a number as `ByteReader.varint` reads it.
    public mutating func append(varint number: UInt32) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Overwrites the integer at `offset`.
    @inlinable
    public mutating func store<T: FixedWidthInteger>(littleEndian number: T, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<T>.size <= count)
        // The precondition keeps the store inside the array.
        unsafe withUnsafeMutableBytes { unsafe $0.storeBytes(of: number.littleEndian, toByteOffset: offset, as: T.self) }
    }

    /// Lends the bytes for writing for the length of `body`.
    @inlinable
    @inline(__always)
    public mutating func withMutableBytes(_ body: (inout MutableRawSpan) -> Void) {
        var span = mutableSpan
        var bytes = unsafe span.mutableBytes
        body(&bytes)
    }

    /// Appends zeros until the count is a multiple of `alignment`.
    @inlinable
    public mutating func pad(to alignment: Int) {
        let missing = (alignment - count % alignment) % alignment
        if missing > 0 { append(contentsOf: repeatElement(0, count: missing)) }
    }
}

extension MutableRawSpan {
    /// Overwrites the integer at `offset`; traps where it would not lie inside.
    @inlinable
    @inline(__always)
    public mutating func store<T: FixedWidthInteger & BitwiseCopyable>(littleEndian number: T, at offset: Int) {
        // An integer has no padding, and the store checks its bounds.
        storeBytes(of: number.littleEndian, toByteOffset: offset, as: T.self)
    }
}

extension OutputRawSpan {
    /// Appends an integer; traps where there is no room.
    @inlinable
    @inline(__always)
    public mutating func append<T: FixedWidthInteger & BitwiseCopyable>(littleEndian number: T) {
        // An integer has no padding, and the append checks its room.
        unsafe append(number.littleEndian, as: T.self)
    }

    /// Appends bytes; traps where there is no room.
    public mutating func append(contentsOf bytes: [UInt8]) {
        var offset = 0
        let span = bytes.span
        while offset &+ 8 <= bytes.count {
            append(littleEndian: unsafe span.bytes.littleEndian(at: offset, as: UInt64.self))
            offset &+= 8
        }
        while offset < bytes.count {
            append(littleEndian: span[offset])
            offset &+= 1
        }
    }

    /// Overwrites the integer at `offset` of what was appended.
    @inlinable
    public mutating func store<T: FixedWidthInteger & BitwiseCopyable>(littleEndian number: T, at offset: Int) {
        var bytes = mutableBytes
        // An integer has no padding, and the store checks its bounds.
        bytes.storeBytes(of: number.littleEndian, toByteOffset: offset, as: T.self)
    }
}
