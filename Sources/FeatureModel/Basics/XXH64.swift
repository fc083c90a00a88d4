/// XXH64, the hash of the expression language and of sketches: fast, and the same on every machine. It is no protection against
/// whoever chooses the bytes.
///
/// *Source*: the specification at https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
public enum XXH64 {
    @usableFromInline static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    @usableFromInline static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    @usableFromInline static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    @usableFromInline static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    @usableFromInline static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The hash of all bytes.
    public static func hash(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
        let count = bytes.byteCount
        var offset = 0
        var hash = seed &+ prime5
        if count >= 32 {
            // Four lanes take turns over pieces of 8 bytes.
            var first = seed &+ prime1 &+ prime2
            var second = seed &+ prime2
            var third = seed
            var fourth = seed &- prime1
            while offset &+ 32 <= count {
                first = round(first, bytes.littleEndian(at: offset))
                second = round(second, bytes.littleEndian(at: offset &+ 8))
                third = round(third, bytes.littleEndian(at: offset &+ 16))
                fourth = round(fourth, bytes.littleEndian(at: offset &+ 24))
                offset &+= 32
            }
            hash = rotated(first, 1) &+ rotated(second, 7) &+ rotated(third, 12) &+ rotated(fourth, 18)
            hash = (hash ^ round(0, first)) &* prime1 &+ prime4
            hash = (hash ^ round(0, second)) &* prime1 &+ prime4
            hash = (hash ^ round(0, third)) &* prime1 &+ prime4
            hash = (hash ^ round(0, fourth)) &* prime1 &+ prime4
        }
        hash &+= UInt64(count)
        while offset &+ 8 <= count {
            hash = word(hash, bytes.littleEndian(at: offset))
            offset &+= 8
        }
        if offset &+ 4 <= count {
            hash ^= UInt64(bytes.littleEndian(at: offset, as: UInt32.self)) &* prime1
            hash = rotated(hash, 23) &* prime2 &+ prime3
            offset &+= 4
        }
        while offset < count {
            hash ^= UInt64(bytes.littleEndian(at: offset, as: UInt8.self)) &* prime5
            hash = rotated(hash, 11) &* prime1
            offset &+= 1
        }
        return avalanche(hash)
    }

    public static func hash(_ bytes: ArraySlice<UInt8>, seed: UInt64 = 0) -> UInt64 {
        bytes.withBytes { hash($0, seed: seed) }
    }

    public static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 { unsafe hash(bytes.span.bytes, seed: seed) }

    /// The hash of an integer's 8 bytes in little-endian order.
    @inlinable
    public static func hash(_ number: UInt64, seed: UInt64 = 0) -> UInt64 {
        avalanche(word(seed &+ prime5 &+ 8, number))
    }

    @inlinable
    @inline(__always)
    static func rotated(_ number: UInt64, _ bits: UInt64) -> UInt64 { number &<< bits | number &>> (64 &- bits) }

    @inlinable
    @inline(__always)
    static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 { rotated(lane &+ input &* prime2, 31) &* prime1 }

    @inlinable
    @inline(__always)
    static func word(_ hash: UInt64, _ input: UInt64) -> UInt64 {
        rotated(hash ^ round(0, input), 27) &* prime1 &+ prime4
    }

    @inlinable
    @inline(__always)
    static func avalanche(_ hash: UInt64) -> UInt64 {
        var mixed = (hash ^ hash &>> 33) &* prime2
        mixed = (mixed ^ mixed &>> 29) &* prime3
        return mixed ^ mixed &>> 32
    }
}
