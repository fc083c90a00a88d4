import FeatureModel
import Wire

/// Cuts rows into pieces that make data frames of a good size, by what the rows really take.
struct RowPieces: Sequence, IteratorProtocol {
    static let rowsMax = 16_384
    /// Of one column at least, where there are many: a frame costs a step for each of them, at both ends.
    private static let bytesPerColumn = 512
    private static let bytesMax = 1 << 20

    private let columns: [Column]
    private let rowCount: Int
    private var start = 0

    /// - Precondition: each column has `rowCount` cells.
    init(_ columns: [Column], rowCount: Int) {
        self.columns = columns
        self.rowCount = rowCount
    }

    /// The next run of rows, at least one; `nil` behind the last.
    ///
    /// - Complexity: O(columns).
    mutating func next() -> Range<Int>? {
        guard start < rowCount else { return nil }
        var count = Swift.min(Self.rowsMax, rowCount - start)
        let bytesOfColumns = Swift.min(columns.count * Self.bytesPerColumn, Self.bytesMax)
        let bytesWanted = Swift.max(WireLimits.rowsFrameBytesTarget, bytesOfColumns)
        while count > 1, bytes(start..<start + count) > bytesWanted { count /= 2 }
        defer { start += count }
        return start..<start + count
    }

    private func bytes(_ rows: Range<Int>) -> Int { columns.reduce(0) { $0 + $1.byteCount(of: rows) } }
}

extension Column {
    /// Bytes that some rows take, validity and offsets included.
    ///
    /// - Complexity: O(1).
    func byteCount(of rows: Range<Int>) -> Int {
        guard !rows.isEmpty else { return 0 }
        let bits = rows.count / 8 + 1
        if let width = type.fixedWidth { return rows.count * width + bits }
        if type == .bool { return 2 * bits }
        let cells = range(rows.lowerBound).lowerBound..<range(rows.upperBound - 1).upperBound
        let heads = 4 * (rows.count + 1) + bits
        if type.isText { return heads + cells.count }
        return heads + elements.byteCount(of: cells)
    }
}
