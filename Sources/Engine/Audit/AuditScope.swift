public import FeatureModel

/// A part of the hash space of keys, cut into buckets: the whole of it at first, then the parts that differ, cut finer.
public struct AuditScope: Hashable, Sendable {
    /// Drawn for each audit: all its hashes start from it.
    public let seed: UInt64
    /// The parts: all hashes whose first bits are one of these, each cut into `1 << splitBits` buckets. Rising.
    public let prefixes: [UInt32]
    public let prefixBits: Int
    public let splitBits: Int

    public static let splitBitsMax = 12
    public static let prefixBitsMax = 32
    public static let bucketsMax = 1 << 16

    /// The whole hash space.
    public init(seed: UInt64, splitBits: Int) {
        self.seed = seed
        prefixes = [0]
        prefixBits = 0
        self.splitBits = splitBits
    }

    /// Parts as somebody else asks for them.
    ///
    /// - Throws: `.invalidArgument` where they are no parts, or too many.
    public init(seed: UInt64, prefixes: [UInt32], prefixBits: Int, splitBits: Int) throws(HeadwaterError) {
        guard (0...Self.prefixBitsMax).contains(prefixBits), (0...Self.splitBitsMax).contains(splitBits),
            prefixes.count << splitBits <= Self.bucketsMax, !prefixes.isEmpty,
            prefixes.allSatisfy({ UInt64($0) >> UInt64(prefixBits) == 0 }),
            zip(prefixes, prefixes.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw HeadwaterError(
                .invalidArgument, "an audit asks for 1 to \(Self.bucketsMax) buckets behind rising prefixes of their bits")
        }
        self.init(seed, prefixes, prefixBits, splitBits)
    }

    private init(_ seed: UInt64, _ prefixes: [UInt32], _ prefixBits: Int, _ splitBits: Int) {
        self.seed = seed
        self.prefixes = prefixes
        self.prefixBits = prefixBits
        self.splitBits = splitBits
    }

    public var bucketCount: Int { prefixes.count << splitBits }

    /// Whether this is one part that is not cut any finer, however many rows it has.
    var isFinest: Bool { prefixes.count == 1 && prefixBits + splitBits >= Self.prefixBitsMax - Self.splitBitsMax }

    /// The bucket that a key's hash lies in; `nil` for one in no part of the scope.
    func bucket(_ hash: UInt128) -> Int? {
        let bits = UInt64(truncatingIfNeeded: hash >> 64)
        guard prefixBits > 0 else { return Int(bits >> UInt64(64 - splitBits)) }
        let prefix = UInt32(bits >> UInt64(64 - prefixBits))
        var low = 0
        var high = prefixes.count
        while low < high {
            let middle = (low + high) / 2
            if prefixes[middle] < prefix { low = middle + 1 } else { high = middle }
        }
        guard low < prefixes.count, prefixes[low] == prefix else { return nil }
        return low << splitBits | Int((bits << UInt64(prefixBits)) >> UInt64(64 - splitBits))
    }

    /// Some buckets as a scope of their own, each cut into `1 << splitBits`.
    func narrowed(to buckets: some Sequence<Int>, splitBits: Int) -> AuditScope {
        let bits = self.splitBits
        let prefixes = buckets.map { self.prefixes[$0 >> bits] << UInt32(bits) | UInt32($0 & (1 << bits - 1)) }
        return AuditScope(seed, prefixes.sorted(), prefixBits + bits, splitBits)
    }
}
