/// Little-endian integers in byte buffers: how every format of the house writes its numbers.
extension RawSpan {
    /// The integer at `offset`. Traps beyond the end: check lengths first.
    @inlinable
    @inline(__always)
    public func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
        // Every bit pattern is an integer, and the load checks its bounds.
        T(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
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

extension [UInt8] {
    @inlinable
    public mutating func append<T: FixedWidthInteger>(littleEndian number: T) {
        var copy = number.littleEndian
        unsafe Swift.withUnsafeBytes(of: &copy) { unsafe append(contentsOf: $0) }
    }

    /// Overwrites the integer at `offset`.
    @inlinable
    public mutating func store<T: FixedWidthInteger>(littleEndian number: T, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<T>.size <= count)
        // The precondition keeps the store inside the array.
        unsafe withUnsafeMutableBytes { unsafe $0.storeBytes(of: number.littleEndian, toByteOffset: offset, as: T.self) }
    }

    /// Appends zeros until the count is a multiple of `alignment`.
    @inlinable
    public mutating func pad(to alignment: Int) {
        let missing = (alignment - count % alignment) % alignment
        if missing > 0 { append(contentsOf: repeatElement(0, count: missing)) }
    }
}
