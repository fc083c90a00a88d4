import FeatureModel
import OnlineStore

/// The result of one lookup: a row for each of its keys, in their order.
struct OnlineResult {
    /// A column for each feature; cells without a value are null.
    let columns: [Column]
    /// The statuses of each feature's cells.
    let statuses: [StatusColumn]
    /// The status of each row as a whole, which is never `.nullValue`.
    let rowStatuses: StatusColumn
    /// Event times of the rows that are present; null for the others, and in a static table.
    let eventTimes: Column
    /// The position that the answer shows.
    let position: Position
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
