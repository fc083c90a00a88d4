internal import FeatureModel

/// The join of one group: walks the spine's order and the group's rows side by side.
struct GroupJoin {
    private static let gatherRowsMax = 8_192
    private static let gatherBlocksMax = 64
    private static let rowsBetweenQuestions = 65_536

    private let group: JoinGroup
    private let order: SpineOrder
    private let times: Column
    private let availability: Availability
    private let memoryLimitBytes: Int

    /// By place in the order: `.present` where a row was found.
    private var outcomes: [CellStatus] = []
    private var gather = RowGather()
    private var builders: [ColumnBuilder]
    private var stack = AsOfStack()
    private var rowsWalked = 0

    init(group: JoinGroup, order: SpineOrder, times: Column, availability: Availability, memoryLimitBytes: Int) {
        self.group = group
        self.order = order
        self.times = times
        self.availability = availability
        self.memoryLimitBytes = memoryLimitBytes
        builders = group.features.map { ColumnBuilder($0.type) }
        outcomes.reserveCapacity(order.rows.count)
    }

    mutating func run(_ merge: inout RunMerge, isCancelled: () -> Bool) throws(HeadwaterError) -> [JoinedFeature] {
        defer { gather.removeAll() }
        try copyGathered(isCancelled)
        for number in 0..<order.keyCount {
            let places = order.keyStarts[number]..<order.keyStarts[number + 1]
            if try merge.seek(order.key(number)) {
                try match(places, &merge, isCancelled)
            } else {
                for _ in places { try answer(nil, isCancelled) }
            }
        }
        try copyGathered(isCancelled)
        return try scatter()
    }

    /// Answers the spine rows of one key, whose rows the merge stands before.
    private mutating func match(_ places: Range<Int>, _ merge: inout RunMerge, _ isCancelled: () -> Bool) throws(HeadwaterError) {
        stack.removeAll()
        let lastTime = times.int64(order.rows[places.upperBound - 1])
        for place in places {
            let time = times.int64(order.rows[place])
            while merge.hasRow, merge.eventTime <= time {
                let block = merge.block
                let known = try knownTime(block, merge.row)
                if known <= lastTime {
                    stack.push(
                        AsOfStack.Entry(block: block, row: merge.row, eventTime: merge.eventTime, knownTime: known), time: time)
                }
                try merge.nextRow()
                rowsWalked += 1
                if rowsWalked % Self.rowsBetweenQuestions == 0 { try checkCancelled(isCancelled) }
            }
            try answer(stack.match(time), time: time, isCancelled)
        }
        stack.removeAll()
    }

    private func knownTime(_ block: RowBlock, _ row: Int) throws(HeadwaterError) -> Microseconds {
        switch availability {
        case .event: .min
        case .ingest: try block.knownTime(row)
        }
    }

    private mutating func answer(_ entry: AsOfStack.Entry?, time: Microseconds, _ isCancelled: () -> Bool) throws(HeadwaterError)
    {
        guard let entry, !entry.block.tombstones.bool(entry.row) else { return try answer(nil, isCancelled) }
        if let maxAge = group.maxAge, !group.schema.isStatic, entry.eventTime < Self.oldest(time, maxAge) {
            outcomes.append(.outsideMaxAge)
            gather.appendNothing()
            return try copyIfFull(isCancelled)
        }
        try answer((entry.block, entry.row), isCancelled)
    }

    private mutating func answer(_ found: (block: RowBlock, row: Int)?, _ isCancelled: () -> Bool) throws(HeadwaterError) {
        if let found {
            outcomes.append(.present)
            gather.append(found.block, found.row)
        } else {
            outcomes.append(.notFound)
            gather.appendNothing()
        }
        try copyIfFull(isCancelled)
    }

    /// `time - maxAge`, or the least instant where that does not fit.
    private static func oldest(_ time: Microseconds, _ maxAge: Microseconds) -> Microseconds {
        let (difference, overflow) = time.subtractingReportingOverflow(maxAge)
        return overflow ? .min : difference
    }

    private mutating func copyIfFull(_ isCancelled: () -> Bool) throws(HeadwaterError) {
        if gather.count >= Self.gatherRowsMax || gather.blocks.count >= Self.gatherBlocksMax { try copyGathered(isCancelled) }
    }

    private func checkCancelled(_ isCancelled: () -> Bool) throws(HeadwaterError) {
        if isCancelled() { throw HeadwaterError(.cancelled, "the join was cancelled") }
    }

    /// Copies the matched cells out of their blocks, so that these may go.
    private mutating func copyGathered(_ isCancelled: () -> Bool) throws(HeadwaterError) {
        try checkCancelled(isCancelled)
        for (index, feature) in group.features.enumerated() {
            try gather.append(to: &builders[index]) { (block) throws(HeadwaterError) in try block.feature(feature.ordinal) }
        }
        gather.removeAll()
        let held = order.byteCount + times.count * 8 + 2 * builders.reduce(0) { $0 + $1.byteCount }
        guard held <= memoryLimitBytes else {
            throw HeadwaterError(
                .resourceExhausted,
                "the join may hold \(memoryLimitBytes) bytes and needs more: send a smaller spine, or ask for fewer features"
            )
        }
    }

    /// Brings the cells from the sorted order back to the spine's; what was left out of it is NOT_FOUND.
    private mutating func scatter() throws(HeadwaterError) -> [JoinedFeature] {
        // The last cell of each sorted column is a null that stands for every spine row outside the order.
        let nothing = order.rows.count
        var places = Array(repeating: nothing, count: times.count)
        for (place, row) in order.rows.enumerated() { places[row] = place }
        outcomes.append(.notFound)
        var features: [JoinedFeature] = []
        for index in builders.indices {
            builders[index].appendNull()
            let sorted = builders[index].finish()
            builders[index] = ColumnBuilder(sorted.type)
            let column = sorted.gathered(places)
            var statuses = StatusColumn()
            for (row, place) in places.enumerated() {
                let outcome = outcomes[place]
                statuses.append(outcome == .present && column.isNull(row) ? .nullValue : outcome)
            }
            features.append(JoinedFeature(column: column, statuses: statuses))
        }
        return features
    }
}
