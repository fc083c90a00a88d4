public import FeatureModel

/// A feature to read, and the type to read it as.
public struct RequestedFeature: Hashable, Sendable {
    /// Its ordinal in the group's newest schema.
    public let ordinal: Int
    /// Its type there; rows of older schema versions widen to it.
    public let type: FeatureType

    public init(ordinal: Int, type: FeatureType) {
        self.ordinal = ordinal
        self.type = type
    }
}

/// Features of one group for many keys.
public struct OnlineQuery: Sendable {
    public let groupID: GroupID
    public let features: [RequestedFeature]
    /// How old a row may be, in microseconds before `now`; `nil` for any age.
    public let maxAge: Microseconds?
    /// The entity's key columns in order; none for a global group.
    public let keyColumns: [Column]
    public let rowCount: Int

    /// - Parameter rowCount: needed only where there are no key columns; else their length.
    public init(
        groupID: GroupID, features: [RequestedFeature], maxAge: Microseconds?, keyColumns: [Column], rowCount: Int? = nil
    ) {
        self.groupID = groupID
        self.features = features
        self.maxAge = maxAge
        self.keyColumns = keyColumns
        self.rowCount = rowCount ?? keyColumns.first?.count ?? 1
    }
}

/// What one query found, row by row as its keys stand.
public struct OnlineResult: Sendable {
    /// One for each feature; cells without a value are null.
    public let columns: [Column]
    /// One for each feature.
    public let statuses: [StatusColumn]
    /// What was found of the row as a whole: never `.nullValue`.
    public let rowStatuses: StatusColumn
    /// Event times of the rows that are present; null for the others, and in a static table.
    public let eventTimes: Column
    /// The position that the answer shows.
    public let position: Position
}

extension OnlineResult {
    /// The columns of an answer of one lookup.
    init(_ answer: OnlineAnswer) throws(HeadwaterError) {
        let packed = try answer.columns()
        columns = packed.columns
        var rowStatuses = StatusColumn()
        var eventTimes = ColumnBuilder(.timestamp, capacity: answer.rowCount)
        for row in 0..<answer.rowCount {
            let status = answer.rowStatus(lookup: 0, row: row)
            rowStatuses.append(status)
            let eventTime = answer.eventTime(lookup: 0, row: row)
            if status != .present || eventTime == EventTime.always {
                eventTimes.appendNull()
            } else {
                eventTimes.append(int64: eventTime)
            }
        }
        statuses = packed.statuses.isEmpty ? columns.map { _ in rowStatuses } : packed.statuses
        self.rowStatuses = rowStatuses
        self.eventTimes = eventTimes.finish()
        position = answer.position
    }
}
