extension Column {
    /// The cells of columns of one type, one column behind the other.
    ///
    /// - Precondition: there is a column, all are of one type, and their texts or elements together fit 32 bits.
    /// - Complexity: O(bytes); cell by cell for arrays only.
    public static func joined(_ columns: [Column]) -> Column {
        let type = columns[0].type
        precondition(columns.allSatisfy { $0.type == type }, "columns of different types")
        if columns.count == 1 { return columns[0] }
        let count = columns.reduce(0) { $0 + $1.count }
        if case .array = type {
            var builder = ColumnBuilder(type, capacity: count)
            for column in columns {
                for row in 0..<column.count { builder.append(from: column, row) }
            }
            return builder.finish()
        }
        let nullCount = columns.reduce(0) { $0 + $1.nullCount }
        var validity: [UInt8] = []
        var data: [UInt8] = []
        var before = 0
        data.reserveCapacity(columns.reduce(0) { $0 + $1.data.count })
        for column in columns {
            if nullCount > 0 {
                if column.nullCount > 0 {
                    validity.append(bits: column.validity, column.count, at: before)
                } else {
                    validity.append(
                        bits: [UInt8](repeating: 0xFF, count: bitmapBytes(column.count))[...], column.count, at: before)
                }
            }
            if type == .bool {
                data.append(bits: column.data, column.count, at: before)
            } else {
                data += column.data.prefix(type.fixedWidth.map { $0 * column.count } ?? column.textBytes)
            }
            before += column.count
        }
        return Column(
            type: type, count: count, nullCount: nullCount, validity: validity[...],
            offsets: type.isText ? joinedOffsets(columns, count: count)[...] : [], data: data[...])
    }

    /// Bytes of all texts together.
    private var textBytes: Int { Int(offsets.littleEndian(at: count * 4, as: Int32.self)) }

    private static func joinedOffsets(_ columns: [Column], count: Int) -> [UInt8] {
        var offsets: [UInt8] = []
        offsets.reserveCapacity((count + 1) * 4)
        offsets.append(littleEndian: Int32(0))
        var before = 0
        for column in columns {
            precondition(before + column.textBytes <= Int(Int32.max), "texts beyond 32 bits")
            let ends = unsafe column.offsets.span.bytes
            for row in 0..<column.count {
                offsets.append(littleEndian: ends.littleEndian(at: (row + 1) * 4, as: Int32.self) + Int32(before))
            }
            before += column.textBytes
        }
        return offsets
    }
}

extension [UInt8] {
    /// Appends so many bits behind the `before` that are there; both start at the lowest bit of a byte.
    fileprivate mutating func append(bits: ArraySlice<UInt8>, _ count: Int, at before: Int) {
        let shift = UInt8(before & 7)
        let bytes = bitmapBytes(before + count)
        var source = bits.makeIterator()
        if shift == 0 {
            append(contentsOf: bits.prefix(bitmapBytes(count)))
        } else {
            for _ in 0..<bitmapBytes(count) {
                let byte = source.next()!
                self[self.count - 1] |= byte << shift
                append(byte >> (8 - shift))
            }
            if self.count > bytes { removeLast() }
        }
        let rest = UInt8((before + count) & 7)
        if rest > 0 { self[bytes - 1] &= 1 << rest - 1 }
    }
}
