/// Bit vectors as Arrow lays them out: bit `i` is bit `i % 8` of byte `i / 8`.
extension ArraySlice<UInt8> {
    @inlinable
    public func bit(_ index: Int) -> Bool { self[startIndex + index >> 3] >> UInt8(index & 7) & 1 == 1 }

    /// How many of the first `count` bits are 1; there are exactly the bytes that `count` bits take.
    func setBits(_ count: Int) -> Int {
        let all = reduce(0) { $0 + $1.nonzeroBitCount }
        return count % 8 == 0 ? all : all - (last! >> UInt8(count % 8)).nonzeroBitCount
    }
}

extension [UInt8] {
    /// Appends bit number `index`, the next one after those already there.
    @inlinable
    public mutating func appendBit(_ bit: Bool, at index: Int) {
        if index & 7 == 0 { append(0) }
        if bit { self[index >> 3] |= 1 << UInt8(index & 7) }
    }
}

/// Bytes that `count` bits take.
@inlinable
public func bitmapBytes(_ count: Int) -> Int { (count + 7) >> 3 }
