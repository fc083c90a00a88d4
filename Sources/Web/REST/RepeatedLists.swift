import FeatureModel
import Tables

/// Statuses and event times of an answer's columns as lists of JSON. Columns of one group mostly have the same: what the column
/// before had is not spelt again.
struct RepeatedLists {
    /// How a time is spelt that was always true, or of which there is no row.
    private let always: [UInt8]
    private var statuses: (column: StatusColumn, json: [UInt8])?
    private var times: (column: [Microseconds], json: [UInt8])?

    /// - Parameter always: JSON.
    init(always: String) { self.always = Array(always.utf8) }

    mutating func append(_ column: StatusColumn, to json: inout [UInt8]) {
        if statuses?.column != column {
            var text: [UInt8] = []
            OutputColumn.statuses(column).appendJSONList(to: &text)
            statuses = (column, text)
        }
        json.append(contentsOf: statuses?.json ?? [])
    }

    mutating func append(_ column: [Microseconds], to json: inout [UInt8]) {
        if times?.column != column { times = (column, spelt(column)) }
        json.append(contentsOf: times?.json ?? [])
    }

    private func spelt(_ column: [Microseconds]) -> [UInt8] {
        var text = [UInt8(ascii: "[")]
        for (index, time) in column.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            if time == EventTime.always {
                text.append(contentsOf: always)
            } else {
                text.append(UInt8(ascii: "\""))
                TimeText.append(time, to: &text)
                text.append(UInt8(ascii: "\""))
            }
        }
        text.append(UInt8(ascii: "]"))
        return text
    }
}
