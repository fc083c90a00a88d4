extension Column {
    /// The cells of consecutive rows.
    ///
    /// - Complexity: O(1) for columns of fixed width without nulls, which
    ///   share storage; else O(cells), texts and elements not copied.
    public func slice(_ rows: Range<Int>) -> Column {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= count, "rows outside the column")
        if rows == 0..<count { return self }
        let validity = nullCount > 0 ? validity.bits(rows) : []
        let nullCount = nullCount > 0 ? rows.count - validity[...].setBits(rows.count) : 0
        func column(
            offsets: [UInt8] = [], elementValidity: [UInt8] = [], elementOffsets: [UInt8] = [], data: ArraySlice<UInt8>
        ) -> Column {
            Column(
                type: type, count: rows.count, nullCount: nullCount, validity: nullCount > 0 ? validity[...] : [],
                offsets: offsets[...], elementValidity: elementValidity[...], elementOffsets: elementOffsets[...], data: data)
        }
        switch type {
        case .bool: return column(data: data.bits(rows)[...])
        case .string, .bytes:
            let (offsets, cells) = offsets.rebased(rows)
            return column(offsets: offsets, data: data.part(at: cells.lowerBound, count: cells.count))
        case .array:
            let (offsets, range) = offsets.rebased(rows)
            let elements = elements.slice(range)
            return column(
                offsets: offsets, elementValidity: Array(elements.validity), elementOffsets: Array(elements.offsets),
                data: elements.data)
        default:
            let width = type.fixedWidth!
            return column(data: data.part(at: rows.lowerBound * width, count: rows.count * width))
        }
    }
}

extension ArraySlice<UInt8> {
    /// The bits of consecutive rows, moved to the front; zeros behind the last.
    fileprivate func bits(_ rows: Range<Int>) -> [UInt8] {
        if rows.isEmpty { return [] }
        let shift = UInt8(rows.lowerBound & 7)
        let bytes = part(at: rows.lowerBound >> 3, count: bitmapBytes(rows.upperBound) - rows.lowerBound >> 3)
        var bits: [UInt8] = []
        let count = bitmapBytes(rows.count)
        bits.reserveCapacity(count)
        let first = bytes.startIndex
        for index in 0..<count {
            var byte = bytes[first + index] >> shift
            if shift > 0, index + 1 < bytes.count { byte |= bytes[first + index + 1] << (8 - shift) }
            bits.append(byte)
        }
        if rows.count & 7 > 0 { bits[count - 1] &= 1 << UInt8(rows.count & 7) - 1 }
        return bits
    }

    /// Offsets of consecutive rows that start at zero, and what they span.
    fileprivate func rebased(_ rows: Range<Int>) -> (offsets: [UInt8], range: Range<Int>) {
        let span = unsafe span.bytes
        let first: Int32 = span.littleEndian(at: rows.lowerBound * 4)
        var offsets: [UInt8] = []
        offsets.reserveCapacity((rows.count + 1) * 4)
        for row in rows.lowerBound...rows.upperBound {
            offsets.append(littleEndian: span.littleEndian(at: row * 4, as: Int32.self) - first)
        }
        return (offsets, Int(first)..<Int(span.littleEndian(at: rows.upperBound * 4, as: Int32.self)))
    }
}
