internal import FeatureModel

/// The join of one group with a spine: match, then gather.
struct SpineJoin {
    /// A piece of matching has at least so many places.
    private static let placesPerPieceMin = 4
    /// How many sources a piece of gathering reads.
    private static let sourcesPerPiece = 16

    let lookup: Lookup
    let eventTimes: Bool
    let order: KeyOrder
    let spineCount: Int
    let filter: RowFilter
    let availability: Availability
    let limits: BlockLimits
    let executor: ParallelExecutor
    let isCancelled: @Sendable () -> Bool

    func run(_ runs: [SortedRun]) throws(HeadwaterError) -> [JoinedFeature] {
        let matches = try match(runs)
        var outcomes = [CellStatus](repeating: .notFound, count: spineCount)
        var times = [Microseconds](repeating: EventTime.always, count: eventTimes ? spineCount : 0)
        for match in matches {
            for place in match.places { outcomes[Int(order.rows[place])] = match.outcomes[place - match.places.lowerBound] }
            if !eventTimes { continue }
            for place in match.places { times[Int(order.rows[place])] = match.times[place - match.places.lowerBound] }
        }
        let columns = try gather(picks(matches), outcomes)
        return columns.map { JoinedFeature(column: $0, statuses: StatusColumn(outcomes, nullsOf: $0), eventTimes: times) }
    }

    private func match(_ runs: [SortedRun]) throws(HeadwaterError) -> [SpineMatches] {
        // Pieces of a range of keys read the same blocks at their borders, of every run: few pieces where there are many runs.
        let most = runs.count > 4 ? 2 * executor.size : 16 * executor.size
        let pieces = executor.size == 1 ? 1 : max(1, min(most, order.count / Self.placesPerPieceMin))
        let maxAge = lookup.schema.isStatic ? nil : lookup.maxAge
        return try executor.map(pieces) { (piece) throws(HeadwaterError) in
            let places = order.count * piece / pieces..<order.count * (piece + 1) / pieces
            var matcher = SpineMatcher(
                order: order, places: places, runCount: runs.count, filter: filter, availability: availability, limits: limits,
                isCancelled: isCancelled)
            return try matcher.run(runs, maxAge: maxAge, eventTimes: eventTimes)
        }
    }

    /// The matched rows by source, with the spine's rows as their places.
    private func picks(_ matches: [SpineMatches]) -> GroupedPicks<CellSource> {
        GroupedPicks(matches.flatMap(\.sources)) { pick in
            var base = 0
            for match in matches {
                for (index, slot) in match.slots.enumerated() where slot >= 0 {
                    pick(base + Int(slot), match.rows[index], order.rows[match.places.lowerBound + index])
                }
                base += match.sources.count
            }
        }
    }

    private func gather(_ picks: GroupedPicks<CellSource>, _ outcomes: [CellStatus]) throws(HeadwaterError) -> [Column] {
        try CellTarget.fill(lookup.features.map(\.type), count: spineCount) { (targets) throws(HeadwaterError) in
            let pieces = (picks.sources.count + Self.sourcesPerPiece - 1) / Self.sourcesPerPiece
            _ = try executor.map(pieces) { (piece) throws(HeadwaterError) in
                if isCancelled() { throw HeadwaterError(.cancelled, "the join was cancelled") }
                let slots = piece * Self.sourcesPerPiece..<min((piece + 1) * Self.sourcesPerPiece, picks.sources.count)
                for slot in slots {
                    let range = picks.starts[slot]..<picks.starts[slot + 1]
                    if range.isEmpty { continue }
                    for (index, feature) in lookup.features.enumerated() {
                        try picks.sources[slot].copy(
                            .feature(feature.ordinal), rows: picks.rows[range], to: targets[index], places: picks.places[range])
                    }
                }
            }
            for (row, outcome) in outcomes.enumerated() where outcome != .present {
                for target in targets { target.storeNull(Int32(row)) }
            }
        }
    }
}
