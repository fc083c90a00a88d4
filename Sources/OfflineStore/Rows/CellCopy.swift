internal import FeatureModel

extension Column {
    /// An array column's elements in constant time, for copying cells only: its null count says no more than whether there
    /// may be nulls.
    var elementsForCopying: Column {
        guard case .array(let element) = type else { preconditionFailure("\(type) has no elements") }
        let elementCount = Int(offsets.littleEndian(at: count * 4, as: Int32.self))
        return Column(
            type: element, count: elementCount, nullCount: elementValidity.isEmpty ? 0 : elementCount, validity: elementValidity,
            offsets: elementOffsets, data: data)
    }

    /// The cells at `rows`, in that order.
    ///
    /// - Complexity: O(cells and bytes copied), arrays with nulls included.
    func gathered(_ rows: some Collection<Int>) -> Column {
        guard case .array = type else { return gather(rows) }
        var builder = ColumnBuilder(type, capacity: rows.count)
        let elements = elementsForCopying
        for row in rows { builder.append(arrayFrom: self, elements: elements, row) }
        return builder.finish()
    }
}

extension ColumnBuilder {
    /// Copies an array cell, given its column's elements.
    mutating func append(arrayFrom column: Column, elements: Column, _ row: Int) {
        if column.isNull(row) { return appendNull() }
        for index in column.range(row) { appendElement(from: elements, index) }
        finishArray()
    }

    /// Copies one cell of a column of the same type or one that widens to it.
    ///
    /// - Complexity: O(bytes of the cell).
    mutating func append(copying column: Column, _ row: Int) {
        if case .array = type {
            append(arrayFrom: column, elements: column.elementsForCopying, row)
        } else {
            append(from: column, row)
        }
    }

    /// Copies one cell of a column whose type differs from this one's by a schema change.
    ///
    /// Narrowing serves reads with the definitions of an earlier position: what was written before the change fits.
    /// - Throws: `.failedPrecondition` where the cell does not fit, or the types have nothing to do with each other.
    mutating func append(converting column: Column, _ row: Int) throws(HeadwaterError) {
        if column.isNull(row) { return appendNull() }
        switch (column.type, type) {
        case (.int32, .int64): append(int64: Int64(column.int32(row)))
        case (.float32, .float64): append(float64: Double(column.float32(row)))
        case (.int64, .int32):
            guard let cell = Int32(exactly: column.int64(row)) else { throw doesNotFit(column.type) }
            append(int32: cell)
        case (.float64, .float32):
            let wide = column.float64(row)
            let cell = Float(wide)
            guard Double(cell) == wide || wide.isNaN else { throw doesNotFit(column.type) }
            append(float32: cell)
        default: throw doesNotFit(column.type)
        }
    }

    private func doesNotFit(_ stored: FeatureType) -> HeadwaterError {
        HeadwaterError(
            .failedPrecondition, "a stored \(stored) does not read as \(type): read with the schema that holds at the position")
    }
}
