import FeatureModel
import Wire

/// What a client asked of the online service.
struct GetAsked {
    let features: [String]
    let keys: [Column]
    let at: Microseconds
    let minPosition: Position
    let lastPosition: Position
}

/// The answer of a get by handle, and what the handle stands for.
struct ServedGet {
    let frame: Frame
    let outputs: [Output]

    /// The cells, and the position that they are of.
    func decoded() throws -> (Cells, Position) {
        let packed = try PackedColumns(decoding: frame.body, types: outputs.map { try FeatureType.parse($0.type) })
        return (
            Cells(
                rowCount: packed.header.rowCount, columns: packed.columns, statuses: packed.cellStatuses,
                eventTimes: packed.eventTimes),
            packed.header.tag
        )
    }
}

/// What a client asked of the offline service.
struct HistoryAsked {
    let features: [String]
    let keys: [Column]
    let times: Column
    let minPosition: Position
    let asOf: Position?
    let isIngest: Bool
}

extension Checker {
    // MARK: Gets

    /// P6 and P8: the answer is as new as was asked, and all of it shows the one position that it names.
    func served(_ asked: GetAsked, _ served: ServedGet, life: Int) {
        world.figures.gets += 1
        guard let (cells, position) = try? served.decoded(), cells.columns.count == asked.features.count
        else { return world.violate("P8", "the answer of a get cannot be read") }
        let wanted = asked.keys.first?.count ?? 0
        if cells.rowCount != wanted { world.violate("P8", "a get of \(wanted) keys was answered \(cells.rowCount)") }
        // An answer of an earlier life was right in its time: the position was lost only afterwards.
        checkPosition(position, asked.minPosition, "a get", isOfThisLife: life >= world.online.life)
        world.note("get", [position, asked.minPosition])
        for (index, feature) in asked.features.enumerated() {
            let (group, ordinal) = Self.place(of: feature)
            for row in 0..<min(wanted, cells.rowCount) {
                let key = KeyCodec.key(asked.keys, row: row)
                let latest = key.flatMap { model.latest(group, $0, at: position, life: life) }
                let oldest = group == Workload.readings ? asked.at - Workload.readingsMaxAge : .min
                check(
                    "get of \(feature) at \(position)", cells, index, row, latest, ordinal, oldest: oldest)
            }
        }
    }

    private func checkPosition(_ position: Position, _ least: Position, _ what: String, isOfThisLife: Bool = true) {
        if position < least { world.violate("P6", "\(what) with min_position \(least) was served at \(position)") }
        if isOfThisLife, lostAcknowledged.contains(where: { $0.position == least }), isInGap(least) {
            world.violate("P6", "\(what) that wants the lost position \(least) was served")
        }
    }

    /// The group of a feature, and its place among the group's features.
    private static func place(of feature: String) -> (GroupID, Int) {
        switch feature {
        case "readings:value": (Workload.readings, 0)
        case "readings:note": (Workload.readings, 1)
        case "profiles:level": (Workload.profiles, 0)
        case "profiles:tags": (Workload.profiles, 1)
        case "profiles:place": (Workload.profiles, 2)
        case "events:amount": (Workload.events, 0)
        case "events:flag": (Workload.events, 1)
        default: (Workload.events, 2)
        }
    }

    private func check(
        _ what: String, _ cells: Cells, _ output: Int, _ row: Int, _ expected: ModelRow?, _ feature: Int, oldest: Microseconds
    ) {
        let column = cells.columns[output]
        var status = CellStatus.notFound
        var value = Value.null
        if let expected, !expected.isDelete {
            if expected.order.eventTime != EventTime.always, expected.order.eventTime < oldest {
                status = .outsideMaxAge
            } else {
                value = expected.cell(feature, as: column.type)
                status = value.isNull ? .nullValue : .present
            }
        }
        if cells.statuses[output][row] != status || column.value(row) != value {
            world.violate(
                "P8", "\(what), row \(row): \(column.value(row)) \(cells.statuses[output][row]), not \(value) \(status)")
        }
    }

    // MARK: Histories

    /// The point-in-time join against the plainest one: for each spine row the greatest row that held.
    func served(_ asked: HistoryAsked, _ data: Frame?, end: Frame) {
        world.figures.histories += 1
        learn()
        guard let reply = try? RowsEnd(decoding: end.head), let data,
            let cells = try? Cells(decoding: data.body, outputCount: asked.features.count)
        else { return world.violate("P4", "the answer of a history is missing or cannot be read") }
        let wanted = asked.times.count
        if cells.rowCount != wanted || reply.rows != UInt64(wanted) {
            world.violate("P4", "a history of \(wanted) rows was answered \(cells.rowCount), said to be \(reply.rows)")
        }
        if let asOf = asked.asOf {
            if reply.position != asOf { world.violate("P4", "a history as of \(asOf) was answered as of \(reply.position)") }
        } else {
            checkPosition(reply.position, asked.minPosition, "a history")
        }
        world.note("history", [reply.position])
        for (index, feature) in asked.features.enumerated() {
            let (group, ordinal) = Self.place(of: feature)
            for row in 0..<min(wanted, cells.rowCount) {
                let found = held(group, asked, row, at: reply.position)
                let age = group == Workload.readings ? Workload.readingsMaxAge : nil
                let oldest = age.map { asked.times.isNull(row) ? .min : asked.times.int64(row) - $0 } ?? .min
                check("history of \(feature) at \(reply.position)", cells, index, row, found, ordinal, oldest: oldest)
            }
        }
    }

    private func held(_ group: GroupID, _ asked: HistoryAsked, _ row: Int, at position: Position) -> ModelRow? {
        guard !asked.times.isNull(row), let key = KeyCodec.key(asked.keys, row: row) else { return nil }
        let time = asked.times.int64(row)
        return model.history(group, key, at: position, life: .max).last {
            $0.order.eventTime <= time && (!asked.isIngest || $0.record.ingestTime <= time)
        }
    }
}
