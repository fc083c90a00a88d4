internal import Synchronization

/// Counts durations by size. Any thread adds and reads.
///
/// A reader may see one that is counted in its bucket and not yet in the sum.
public final class DurationHistogram: Sendable {
    /// The upper bounds of the buckets, in nanoseconds: what falls beyond the last one is counted all the same.
    public static let boundsNanoseconds: [Int64] = [
        25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
        100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
        60_000_000_000,
    ]
    private static let bucketCount = 21

    /// What has been counted.
    public struct Counts: Sendable {
        /// Of each bucket alone, the one beyond the last bound at the end.
        public var buckets = [UInt64](repeating: 0, count: DurationHistogram.bucketCount)
        public var sumNanoseconds: Int64 = 0

        public init() {}

        public var count: UInt64 { buckets.reduce(0, +) }

        public static func += (left: inout Self, right: Self) {
            for index in left.buckets.indices { left.buckets[index] += right.buckets[index] }
            left.sumNanoseconds += right.sumNanoseconds
        }
    }

    private let buckets = InlineArray<21, Atomic<UInt64>> { _ in Atomic(0) }
    private let sumNanoseconds = Atomic<Int64>(0)

    public init() {}

    /// Adds a duration that `count` works took each.
    public func add(nanoseconds: Int64, count: Int = 1) {
        let bucket = Self.boundsNanoseconds.firstIndex { nanoseconds <= $0 } ?? Self.bucketCount - 1
        buckets[bucket].add(UInt64(count), ordering: .relaxed)
        sumNanoseconds.add(nanoseconds * Int64(count), ordering: .relaxed)
    }

    public var counts: Counts {
        var counts = Counts()
        for index in buckets.indices { counts.buckets[index] = buckets[index].load(ordering: .relaxed) }
        counts.sumNanoseconds = sumNanoseconds.load(ordering: .relaxed)
        return counts
    }
}
