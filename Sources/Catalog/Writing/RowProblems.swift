internal import FeatureModel

/// Gathers bad rows of one write, so that one refusal lists the first 20 and counts the rest.
struct RowProblems {
    private struct RowProblem {
        let entry: Int
        let row: Int
        let text: String
    }

    private var listed: [RowProblem] = []
    private(set) var count = 0
    /// Problems listed of the column that is being checked: rows rise within a column, so its first 20 are enough.
    private var listedOfColumn = 0
    private var group: CatalogGroup?
    private var entry = 0
    private var firstRow = 0
    private var column = ""

    mutating func begin(entry: Int, group: CatalogGroup, firstRow: Int) {
        (self.entry, self.group, self.firstRow) = (entry, group, firstRow)
    }

    mutating func begin(column: String) {
        self.column = column
        listedOfColumn = 0
    }

    /// Notes a bad cell; the reason is only built where it will be listed.
    ///
    /// - Parameter row: the row in its batch.
    mutating func add(row: Int, _ reason: @autoclosure () -> String) {
        count += 1
        guard listedOfColumn < Limits.rowErrorsListedMax else { return }
        listedOfColumn += 1
        listed.append(
            RowProblem(
                entry: entry, row: row, text: "\(group?.reference ?? "") row \(firstRow + row), column \(column): \(reason())"))
        // Enough for any choice of the first 20; sorting now and then keeps thousands of bad columns small.
        if listed.count >= 64 * Limits.rowErrorsListedMax { keepFirst() }
    }

    private mutating func keepFirst() {
        listed.sort { ($0.entry, $0.row) < ($1.entry, $1.row) }
        listed.removeLast(max(0, listed.count - Limits.rowErrorsListedMax))
    }

    /// - Throws: `.invalidArgument` with the first 20 bad cells by row, one a line, and the count of all.
    mutating func throwIfAny() throws(HeadwaterError) {
        if count == 0 { return }
        keepFirst()
        var lines = ["nothing was written: \(count) bad \(count == 1 ? "value" : "values")"]
        lines += listed.map(\.text)
        if count > listed.count { lines.append("and \(count - listed.count) more") }
        throw HeadwaterError(.invalidArgument, lines.joined(separator: "\n"))
    }
}
