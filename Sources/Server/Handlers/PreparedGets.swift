import Catalog
import Engine
import FeatureModel
import OnlineStore
import Synchronization

/// Feature lists that connections prepared.
final class HandleTable: Sendable {
    struct Entry: Sendable {
        let project: String
        let selection: FeatureSelection
        let fullNames: Bool
        let plan: FeaturePlan
        /// Position of the catalog that the plan was resolved in.
        let catalogPosition: Position
    }

    /// Handles of one connection.
    static let handlesMax = 4_096

    private let entries = Mutex<[UInt64: [UInt64: Entry]]>([:])

    func insert(_ entry: Entry, connection: UInt64) throws(HeadwaterError) -> UInt64 {
        try entries.withLock { table throws(HeadwaterError) in
            let handle = UInt64(table[connection]?.count ?? 0) + 1
            guard handle <= Self.handlesMax else {
                throw HeadwaterError(
                    .resourceExhausted, "\(Self.handlesMax) handles on one connection: use those you have, or connect anew")
            }
            table[connection, default: [:]][handle] = entry
            return handle
        }
    }

    /// Forgets the handles of a connection that has closed.
    func remove(connection: UInt64) { _ = entries.withLock { $0.removeValue(forKey: connection) } }

    func entry(_ handle: UInt64, connection: UInt64) throws(HeadwaterError) -> Entry {
        guard let entry = entries.withLock({ $0[connection]?[handle] }) else {
            throw HeadwaterError(.notFound, "handle \(handle) was not prepared on this connection: prepare again")
        }
        return entry
    }
}

/// A prepared feature list, ready to be read; belongs to one thread at a time.
final class PreparedGet {
    private let entry: HandleTable.Entry
    private let catalog: () -> Catalog
    private let plan: OnlineReadPlan
    /// Definitions up to here give the plan.
    private var catalogPosition: Position
    let keyTypes: [FeatureType]
    /// Bytes of the key's cell, where there is one key column, of a fixed width.
    let keyWidth: Int?
    /// Whether any of the groups has a max_age, for which a clock is asked.
    let needsClock: Bool

    var outputCount: Int { entry.plan.outputs.count }

    init(_ entry: HandleTable.Entry, catalog: @escaping () -> Catalog) {
        self.entry = entry
        self.catalog = catalog
        plan = OnlineReads.plan(entry.plan)
        catalogPosition = entry.catalogPosition
        keyTypes = entry.plan.keys.map(\.type)
        keyWidth = keyTypes.count == 1 ? keyTypes[0].fixedWidth : nil
        needsClock = entry.plan.lookups.contains { $0.maxAgeMicroseconds != nil }
    }

    /// Whether a read may be made on an event loop, which others wait for.
    static func isShort(rows: Int, outputs: Int, bodyBytes: Int) -> Bool {
        rows <= GetHandlers.inlineKeysMax && bodyBytes <= GetHandlers.inlineBytesMax
            && rows * outputs <= GetHandlers.inlineCellsMax
    }

    /// Looks whether the list still means what it did when it was prepared; cheap while no definitions have come.
    ///
    /// - Throws: `.failedPrecondition` where it means other columns now: the client must know.
    func refresh(_ position: Position) throws(HeadwaterError) {
        if position == catalogPosition { return }
        let fresh = try catalog().resolve(project: entry.project, entry.selection, fullNames: entry.fullNames)
        // Other columns, keys or ages would be another answer than the client prepared for.
        guard fresh == entry.plan || fresh.hasSameAnswers(as: entry.plan) else {
            throw HeadwaterError(.failedPrecondition, "the definitions behind the handle have changed: prepare again")
        }
        catalogPosition = position
    }

    /// Announces a key that is read soon.
    func expect(_ key: RawSpan, by reader: OnlineReader) { reader.expect(plan, key: key, type: keyTypes[0]) }

    func read<Result>(
        _ keys: [Column], rowCount: Int, by reader: OnlineReader, now: Microseconds,
        _ body: (OnlineAnswer) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        guard !keyTypes.isEmpty || rowCount <= 1 else {
            throw HeadwaterError(.invalidArgument, "the list has no keys, so it has one row, not \(rowCount)")
        }
        return try reader.read(plan, keys: keys, rowCount: rowCount, now: now, body)
    }
}

extension FeaturePlan {
    /// Whether the outputs, the keys, and the groups that they are read from by which keys and ages, are the same; new schema versions of the
    /// groups may have come.
    fileprivate func hasSameAnswers(as other: FeaturePlan) -> Bool {
        guard outputs == other.outputs, keys == other.keys, lookups.count == other.lookups.count else { return false }
        return zip(lookups, other.lookups).allSatisfy { mine, theirs in
            mine.groupID == theirs.groupID && mine.keys == theirs.keys && mine.features == theirs.features
                && mine.maxAgeMicroseconds == theirs.maxAgeMicroseconds
        }
    }
}
