import Catalog
import Engine
import FeatureModel
import OfflineStore
import OnlineStore

/// All that clients can read of a store, in a form that compares: what the disk gives against what the journal says.
struct Picture: Equatable {
    /// A row with all that is kept of it.
    struct Line: Equatable, CustomStringConvertible {
        let key: [UInt8]
        let order: RowOrder
        let isTombstone: Bool
        /// `nil` of a latest row: the online store does not keep it.
        let ingestTime: Microseconds?
        let features: [Value]

        var description: String {
            "key \(key) time \(order.eventTime) position \(order.position) row \(order.row)\(isTombstone ? " deleted" : ""): \(features)"
        }
    }

    /// A cell with its status, as gets and joins answer it.
    struct Cell: Equatable, CustomStringConvertible {
        let value: Value
        let status: CellStatus

        var description: String { "\(value) \(status)" }
    }

    /// What one group shows.
    struct Group: Equatable {
        /// Every row and tombstone that no cutoff hides, in (key, event_time, position, row) order.
        var history: [Line] = []
        /// The latest of each key, by key.
        var latest: [Line] = []
        /// A get of every key, row by row.
        var vectors: [[Cell]] = []
        /// A join of every key at several times, row by row.
        var joined: [[Cell]] = []
    }

    var groups: [GroupID: Group] = [:]

    init() {}

    /// Times at which every key is joined.
    static let spineTimes: [Microseconds] = [5, 20, 33, 90].map { SweptTime.event + $0 * 1_000_000 }
    /// The clock of gets, for max_age.
    static let getTime = SweptTime.event + 45_000_000

    /// The same groups with what `online` shows of gets and latest rows, and `offline` of histories and joins.
    init(online: Picture, offline: Picture) {
        for id in Set(online.groups.keys).union(offline.groups.keys) {
            var group = offline.groups[id] ?? Group()
            group.latest = online.groups[id]?.latest ?? []
            group.vectors = online.groups[id]?.vectors ?? []
            groups[id] = group
        }
    }

    /// Where this picture differs first from `other`; `nil` where it does not.
    func difference(from other: Picture) -> String? {
        for id in Set(groups.keys).union(other.groups.keys).sorted() {
            let (mine, theirs) = (groups[id] ?? Group(), other.groups[id] ?? Group())
            let found =
                Self.difference(mine.history, theirs.history, "history") ?? Self.difference(mine.latest, theirs.latest, "latest")
                ?? Self.difference(mine.vectors, theirs.vectors, "get") ?? Self.difference(mine.joined, theirs.joined, "join")
            if let found { return "group \(id), \(found)" }
        }
        return nil
    }

    private static func difference<T: Equatable>(_ mine: [T], _ theirs: [T], _ what: String) -> String? {
        guard mine != theirs else { return nil }
        let index = zip(mine, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(mine.count, theirs.count)
        func text(_ lines: [T]) -> String { index < lines.count ? "\(lines[index])" : "nothing" }
        return "\(what) \(index): got \(text(mine)), expected \(text(theirs)) (\(mine.count) and \(theirs.count) in all)"
    }
}

// MARK: Reading

extension Picture {
    /// Reads everything back, online and offline.
    ///
    /// - Throws: `.dataLoss` where damage is met.
    init(online: OnlineStore, offline: OfflineStore, catalog: Catalog) throws(HeadwaterError) {
        self.init()
        try read(online, catalog)
        try read(offline, catalog)
    }

    /// Takes in what gets and walks over the online store give.
    mutating func read(_ store: OnlineStore, _ catalog: Catalog) throws(HeadwaterError) {
        let cut = store.view()
        for group in catalog.allGroups {
            let plan = try catalog.resolve(project: SweptDefinitions.project, .features(["\(group.name):*"]))
            let keys = SweptKeys(group.newestSchema)
            let served = try OnlineReads.get(
                plan, columns: keys.columns(repeated: 1), rowCount: keys.count, from: store, now: Self.getTime)
            groups[group.id, default: Group()].vectors = Self.cells(served.columns, served.statuses)
            groups[group.id]!.latest = try Self.latest(cut, group.newestSchema)
        }
    }

    /// Takes in what scans and joins over the offline store give.
    mutating func read(_ store: OfflineStore, _ catalog: Catalog) throws(HeadwaterError) {
        let history = store.view()
        for group in catalog.allGroups {
            let plan = try catalog.resolve(project: SweptDefinitions.project, .features(["\(group.name):*"]))
            let keys = SweptKeys(group.newestSchema)
            let times = try Column(.timestamp, (0..<keys.count).flatMap { _ in Self.spineTimes.map { .timestamp($0) } })
            let joined = try OfflineReads.history(
                plan, columns: keys.columns(repeated: Self.spineTimes.count), times: times, view: history, asOf: history.position,
                availability: .event, memoryLimitBytes: .max, isCancelled: { false })
            groups[group.id, default: Group()].joined = Self.cells(joined.map(\.column), joined.map(\.statuses))
            groups[group.id]!.history = try Self.history(history, group.newestSchema)
        }
    }

    private static func history(_ view: OfflineView, _ schema: GroupSchema) throws(HeadwaterError) -> [Line] {
        var lines: [Line] = []
        var scan = try view.scan(schema, asOf: view.position, includeDeletes: true)
        while let batch = try scan.next() {
            for row in 0..<batch.rowCount {
                lines.append(
                    Line(
                        key: KeyCodec.key(batch.keys, row: row) ?? [],
                        order: RowOrder(
                            eventTime: batch.eventTime.int64(row), position: Position(bitPattern: batch.position.int64(row)),
                            row: UInt32(truncatingIfNeeded: batch.row.int64(row))),
                        isTombstone: batch.isDelete.bool(row), ingestTime: batch.ingestTime.int64(row),
                        features: batch.features.map { $0.value(row) }))
            }
        }
        return lines
    }

    private static func latest(_ view: OnlineReadView, _ schema: GroupSchema) throws(HeadwaterError) -> [Line] {
        var lines: [Line] = []
        try view.forEachBatch(of: schema.groupID, schema: schema) { batch in
            for row in 0..<batch.rowCount {
                lines.append(
                    Line(
                        key: Array(batch.keyBytes[row]), order: batch.orders[row], isTombstone: batch.tombstones[row],
                        ingestTime: nil, features: batch.features.map { $0.value(row) }))
            }
        }
        return lines.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    private static func cells(_ columns: [Column], _ statuses: [StatusColumn]) -> [[Cell]] {
        (0..<(columns.first?.count ?? 0)).map { row in
            columns.indices.map { Cell(value: columns[$0].value(row), status: statuses[$0][row]) }
        }
    }
}

/// Every key that a swept life writes, and one that it never does.
struct SweptKeys {
    let schema: GroupSchema
    let rows: [[Value]]

    init(_ schema: GroupSchema) {
        self.schema = schema
        var rows: [[Value]] = [[]]
        for field in schema.keys {
            let values: [Value] =
                switch field.type {
                case .int64: (-1...3).map { .int64($0) }
                case .string: ["", "a\0", "\u{E9}", "e\u{301}"].map { .string(ByteString($0)) }
                default: [.timestamp(0), .timestamp(1)]
                }
            rows = rows.flatMap { row in values.map { row + [$0] } }
        }
        self.rows = rows
    }

    var count: Int { rows.count }

    /// A column for each key, each row so many times behind itself.
    func columns(repeated times: Int) throws(HeadwaterError) -> [Column] {
        var columns: [Column] = []
        for (index, field) in schema.keys.enumerated() {
            columns.append(try Column(field.type, rows.flatMap { Array(repeating: $0[index], count: times) }))
        }
        return columns
    }
}
