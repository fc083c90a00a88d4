internal import FeatureModel

/// Rows of one group, counted.
public struct GroupStatistics: Hashable, Sendable {
    /// Rows, tombstones among them.
    public var rows = 0
    public var tombstones = 0
    /// Bytes of the rows with their keys and headers.
    public var bytes = 0

    public init() {}

    mutating func add(_ header: RowHeader) {
        rows += 1
        if header.isTombstone { tombstones += 1 }
        bytes += header.recordCount
    }

    mutating func add(_ other: GroupStatistics) {
        rows += other.rows
        tombstones += other.tombstones
        bytes += other.bytes
    }
}

/// A schema version and how its rows are packed.
struct SchemaVersion: Sendable {
    let schema: GroupSchema
    let layout: RowLayout

    init(_ schema: GroupSchema) {
        self.schema = schema
        layout = RowLayout(types: schema.features.map(\.type))
    }
}

/// What the store knows of one group besides its rows.
struct GroupState: Sendable {
    /// The layout of each schema version that a row was written under, by its number.
    private(set) var versions: [UInt32: SchemaVersion] = [:]
    private(set) var newest: GroupSchema?
    /// Rows with an event time before it are hidden.
    private(set) var cutoff = Microseconds.min

    init(cutoff: Microseconds = .min) { self.cutoff = cutoff }

    /// Every version, oldest first.
    var schemas: [GroupSchema] { versions.values.map(\.schema).sorted { $0.schemaVersion < $1.schemaVersion } }

    func holds(_ schema: GroupSchema) -> Bool { versions[schema.schemaVersion] != nil }

    /// - Returns: whether the version was new.
    mutating func add(_ schema: GroupSchema) -> Bool {
        if versions[schema.schemaVersion] != nil { return false }
        versions[schema.schemaVersion] = SchemaVersion(schema)
        if schema.schemaVersion > newest?.schemaVersion ?? 0 { newest = schema }
        return true
    }

    /// Cutoffs only rise: what one has hidden, a lower one does not bring back.
    mutating func raise(cutoff: Microseconds) { self.cutoff = max(self.cutoff, cutoff) }
}
