/// What a read found for one cell: the same four on every read path.
public enum CellStatus: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case present = 0
    /// The row is there and its value is null.
    case nullValue = 1
    /// No row, a tombstone, a row hidden by retention, or a null key.
    case notFound = 2
    /// A row is there, but older than the group's max_age.
    case outsideMaxAge = 3

    public var description: String {
        switch self {
        case .present: "PRESENT"
        case .nullValue: "NULL_VALUE"
        case .notFound: "NOT_FOUND"
        case .outsideMaxAge: "OUTSIDE_MAX_AGE"
        }
    }
}

/// Statuses of one column, two bits a cell, the first cell in the lowest bits of the first byte.
public struct StatusColumn: Hashable, Sendable {
    public private(set) var count = 0
    public private(set) var packed: [UInt8] = []

    public init() {}

    /// The same status for every cell.
    public init(_ status: CellStatus, count: Int) {
        self.count = count
        packed = Array(repeating: status.rawValue * 0b0101_0101, count: (count + 3) / 4)
        if count % 4 > 0 { packed[count / 4] &= 1 << UInt8(2 * (count % 4)) - 1 }
    }

    /// What was found for each row, with NULL_VALUE where the cell of a row that was found is null.
    public init(_ outcomes: [CellStatus], nullsOf column: Column) {
        precondition(outcomes.count == column.count)
        count = outcomes.count
        packed = Array(repeating: 0, count: (count + 3) / 4)
        let hasNulls = column.nullCount > 0
        let validity = column.validity
        for row in 0..<count {
            var status = outcomes[row]
            if hasNulls, status == .present, !validity.bit(row) { status = .nullValue }
            packed[row >> 2] |= status.rawValue << UInt8(2 * (row & 3))
        }
    }

    /// Reads `count` statuses from packed bytes.
    ///
    /// - Throws: `.invalidArgument` where the bytes are too few or too many, or bits behind the last cell are set.
    public init(packed: ArraySlice<UInt8>, count: Int) throws(HeadwaterError) {
        let cellsInLast = count % 4
        guard count >= 0, packed.count == count / 4 + (cellsInLast == 0 ? 0 : 1),
            cellsInLast == 0 || packed.last! >> UInt8(2 * cellsInLast) == 0
        else {
            throw HeadwaterError(.invalidArgument, "\(packed.count) bytes are not the statuses of \(count) cells")
        }
        self.packed = Array(packed)
        self.count = count
    }

    public mutating func append(_ status: CellStatus) {
        if count % 4 == 0 { packed.append(0) }
        packed[count / 4] |= status.rawValue << (2 * (count % 4))
        count += 1
    }

    /// The statuses of consecutive rows. - Complexity: O(bytes).
    public func slice(_ rows: Range<Int>) -> StatusColumn {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= count, "rows outside the column")
        if rows == 0..<count { return self }
        var slice = StatusColumn()
        slice.count = rows.count
        let shift = UInt8(2 * (rows.lowerBound & 3))
        let first = rows.lowerBound >> 2
        slice.packed = (0..<(rows.count + 3) >> 2).map { index in
            let next = shift > 0 && first + index + 1 < packed.count ? packed[first + index + 1] << (8 - shift) : 0
            return packed[first + index] >> shift | next
        }
        if rows.count & 3 > 0 { slice.packed[slice.packed.count - 1] &= 1 << UInt8(2 * (rows.count & 3)) - 1 }
        return slice
    }

    public subscript(row: Int) -> CellStatus {
        precondition(row < count)
        return CellStatus(rawValue: packed[row / 4] >> (2 * (row % 4)) & 3)!
    }
}
