internal import FeatureModel

/// The segments of a log, from the oldest to the current one, to which records are appended. There is at least one.
///
/// A segment's last position is its successor's predecessor.
struct SegmentList {
    private var segments: [SegmentInfo]

    /// Traps where there is none.
    init(_ segments: [SegmentInfo]) {
        precondition(!segments.isEmpty, "a log has a segment")
        self.segments = segments
    }

    var count: Int { segments.count }
    var current: SegmentInfo { segments[segments.count - 1] }
    var oldestPosition: Position { segments[0].predecessor + 1 }
    var byteCount: Int { segments.reduce(0) { $0 + $1.bytes } }

    /// Bytes of the segments that hold positions behind this one.
    ///
    /// - Complexity: O(segments).
    func bytes(behind position: Position) -> Int {
        segments.indices.reduce(0) { bytes, index in
            let isPassed = index + 1 < segments.count && segments[index + 1].predecessor <= position
            return isPassed ? bytes : bytes + segments[index].bytes
        }
    }

    /// The number of the oldest segment that holds `position` or what follows it: the current one where all others end before it.
    func oldestNumber(keeping position: Position) -> UInt64 {
        segments[segments.indices.dropLast().prefix { segments[$0 + 1].predecessor < position }.count].number
    }

    mutating func append(_ segment: SegmentInfo) { segments.append(segment) }

    /// Lets go of the segments with lower numbers, and returns the bytes of those.
    mutating func remove(below number: UInt64) -> Int {
        let removed = segments.prefix { $0.number < number }
        segments.removeFirst(removed.count)
        return removed.reduce(0) { $0 + $1.bytes }
    }
}
