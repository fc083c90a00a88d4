public import FeatureModel

/// The positions that a store knows of, which decide its answer to a read that asks for one (promise P6).
public struct KnownPositions: Sendable {
    /// Everything up to here is in the store.
    public let applied: Position
    /// Positions that recoveries skipped, as far as the store has come.
    public let gaps: [ClosedRange<Position>]
    /// No position behind it was ever given out; `nil` where that is not known here.
    public let last: Position?

    public init(applied: Position, gaps: [ClosedRange<Position>], last: Position?) {
        self.applied = applied
        self.gaps = gaps
        self.last = last
    }

    /// Asked before a read waits, and again when it has waited: the gap may have come meanwhile.
    ///
    /// - Throws: `.dataLoss` for a position that was lost, `.outOfRange` for one that was never given out.
    public func check(_ position: Position) throws(HeadwaterError) {
        // The gap's record stands at its last position: what reads show when the log was just recovered, and so may ask for.
        if let gap = gaps.first(where: { $0.contains(position) && position < $0.upperBound }) {
            throw HeadwaterError(
                .dataLoss,
                "position \(position) was lost in a power cut (positions \(gap.lowerBound) to \(gap.upperBound)): write it again")
        }
        if position > applied, let last, position > last { throw Self.beyond(position, end: last) }
    }

    public static func beyond(_ position: Position, end: Position) -> HeadwaterError {
        HeadwaterError(.outOfRange, "position \(position) lies beyond the log's end, \(end): it was never given out")
    }
}
