public import FeatureModel
public import OfflineStore
public import OnlineStore

/// A store of rows as the fold of the log sees it.
public protocol ReplicaStore: AnyObject {
    /// Whether it keeps rows for reads as of earlier positions.
    static var keepsHistory: Bool { get }
    /// Whether it keeps any, so that what a write's rows met can be told.
    static var hasRows: Bool { get }

    /// Whether many keys are looked up for little more than one.
    static var answersTogether: Bool { get }

    /// Everything up to here is in the store.
    var appliedPosition: Position { get }

    /// Takes the next record. Never refuses.
    func apply(_ record: AppliedRecord)

    /// The retention cutoff of a group in force at `position`, the applied one; `nil` for none.
    func cutoff(of group: GroupID, at position: Position) -> Microseconds?

    /// Whether each of some keys of a group, given as columns, has a row that is served at `position`, the applied one.
    ///
    /// - Throws: `.dataLoss` for damage.
    func haveRows(
        _ schema: GroupSchema, keys: [Column], rowCount: Int, at position: Position
    ) throws(HeadwaterError) -> [Bool]

    /// Keeps the rows that saved training sets read, whatever retention hides.
    func hold(_ holds: RetentionHolds)
}

extension OnlineStore: ReplicaStore {
    public static var keepsHistory: Bool { false }
    public static var hasRows: Bool { true }
    public static var answersTogether: Bool { false }

    public func cutoff(of group: GroupID, at position: Position) -> Microseconds? { cutoff(of: group) }

    public func haveRows(
        _ schema: GroupSchema, keys: [Column], rowCount: Int, at position: Position
    ) throws(HeadwaterError) -> [Bool] {
        let lookup = Lookup(schema: schema, keys: Array(keys.indices), features: [])
        let plan = OnlineReadPlan(lookups: [lookup], outputs: [], isCounted: false)
        return try OnlineReader(self).read(plan, keys: keys, rowCount: rowCount, now: 0) { answer in
            (0..<rowCount).map { answer.rowStatus(lookup: 0, row: $0) == .present }
        }
    }

    public func hold(_ holds: RetentionHolds) {}
}

extension OfflineStore: ReplicaStore {
    public static var keepsHistory: Bool { true }
    public static var hasRows: Bool { true }
    public static var answersTogether: Bool { true }

    public func cutoff(of group: GroupID, at position: Position) -> Microseconds? { cutoff(of: group, asOf: position) }

    public func haveRows(
        _ schema: GroupSchema, keys: [Column], rowCount: Int, at position: Position
    ) throws(HeadwaterError) -> [Bool] {
        try OfflineReads.exist(schema, keys: keys, rowCount: rowCount, in: view(), asOf: position)
    }

    public func hold(_ holds: RetentionHolds) { keepRows(asOf: holds.positions) }
}

/// A store without rows, for who wants the definitions alone.
public final class RowlessStore: ReplicaStore {
    public static let keepsHistory = false
    public static let hasRows = false
    public static let answersTogether = false
    public private(set) var appliedPosition: Position

    /// - Parameter appliedPosition: of the state that its replica begins with.
    public init(appliedPosition: Position) { self.appliedPosition = appliedPosition }

    public func apply(_ record: AppliedRecord) { appliedPosition = record.position }
    public func cutoff(of group: GroupID, at position: Position) -> Microseconds? { nil }

    public func haveRows(
        _ schema: GroupSchema, keys: [Column], rowCount: Int, at position: Position
    ) throws(HeadwaterError) -> [Bool] { throw HeadwaterError(.unimplemented, "rows are not kept here") }

    public func hold(_ holds: RetentionHolds) {}
}
