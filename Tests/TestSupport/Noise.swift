public import FeatureModel

extension SplitMix64 {
    /// The same cells with any bytes where a null says that nothing is: in numbers, bits and vectors, texts and elements within a
    /// null cell's range, elements of arrays likewise, and bits behind the last cell. Arrow allows all of it.
    public mutating func noise(under column: Column) -> Column {
        switch column.type {
        case .array: noise(underArrays: column)
        case .string, .bytes: noise(underTexts: column)
        case .bool: noise(underBits: column)
        default: noise(underNumbers: column, width: column.type.fixedWidth!)
        }
    }

    private mutating func noise(underNumbers column: Column, width: Int) -> Column {
        var data = Array(column.data)
        for row in 0..<column.count where column.isNull(row) {
            for place in row * width..<(row + 1) * width { data[place] = byte() }
        }
        return made(column, data: data)
    }

    private mutating func noise(underBits column: Column) -> Column {
        var data = Array(column.data)
        for row in 0..<data.count * 8 where row >= column.count || column.isNull(row) {
            if chance(0.5) { data[row >> 3] ^= 1 << UInt8(row & 7) }
        }
        return made(column, data: data)
    }

    private mutating func noise(underTexts column: Column) -> Column {
        var data: [UInt8] = []
        var offsets: [UInt8] = [0, 0, 0, 0]
        for row in 0..<column.count {
            // ASCII, so that a string stays UTF-8 as a whole.
            data += column.isNull(row) ? (0..<int(0...4)).map { _ in byte() & 0x7F } : Array(column.bytes(row))
            offsets.append(littleEndian: Int32(data.count))
        }
        return made(column, offsets: offsets, data: data)
    }

    private mutating func noise(underArrays column: Column) -> Column {
        let elements = column.elements
        var builder = ColumnBuilder(elements.type)
        var offsets: [UInt8] = [0, 0, 0, 0]
        for row in 0..<column.count {
            if column.isNull(row) {
                let hidden = self.column(elements.type, count: int(0...3), nulls: 0.5)
                for element in 0..<hidden.count { builder.append(from: hidden, element) }
            } else {
                for element in column.range(row) { builder.append(from: elements, element) }
            }
            offsets.append(littleEndian: Int32(builder.count))
        }
        let noisy = noise(under: builder.finish())
        return Column(
            type: column.type, count: column.count, nullCount: column.nullCount, validity: tail(column)[...],
            offsets: offsets[...],
            elementValidity: noisy.validity, elementOffsets: noisy.offsets, data: noisy.data)
    }

    private mutating func made(_ column: Column, offsets: [UInt8] = [], data: [UInt8]) -> Column {
        Column(
            type: column.type, count: column.count, nullCount: column.nullCount, validity: tail(column)[...],
            offsets: offsets[...],
            data: data[...])
    }

    /// The validity with any bits behind the last cell.
    private mutating func tail(_ column: Column) -> [UInt8] {
        var bits = Array(column.validity)
        for row in column.count..<max(column.count, bits.count * 8) where chance(0.5) { bits[row >> 3] ^= 1 << UInt8(row & 7) }
        return bits
    }

    private mutating func byte() -> UInt8 { UInt8(int(0...255)) }
}
