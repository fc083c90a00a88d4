internal import FeatureModel

/// Copies picked cells of a page to a target: of a page of numbers without LZ4 only those are looked at.
enum PageCells {
    /// Copies the cells at `rows` to `places`, one for one.
    ///
    /// - Parameter type: the page's type; the target's own, or one that widens to it or that it widens to.
    /// - Throws: `.dataLoss` where the page is damaged, `.failedPrecondition` where a cell does not fit a narrower target.
    static func copy(
        _ entry: PageEntry, type: FeatureType, from file: ChunkBytes, rows: ArraySlice<Int32>, to target: CellTarget,
        places: ArraySlice<Int32>
    ) throws(HeadwaterError) {
        precondition(rows.count == places.count)
        if rows.isEmpty { return }
        if entry.nullCount < entry.cellCount, type == target.type, target.width >= 4 {
            let isDone = try PageCodec.withRaw(entry, from: file) { (raw, encoding) throws(HeadwaterError) in
                try copyNumbers(raw, encoding, entry, rows: rows, to: target, places: places)
            }
            if isDone { return }
        }
        let column = try PageCodec.decode(entry, type: type, from: file)
        try copy(column, rows: rows, to: target, places: places)
    }

    /// - Returns: `false`, with nothing written, for a page that has to be decoded whole.
    private static func copyNumbers(
        _ raw: RawSpan, _ encoding: PageEncoding, _ entry: PageEntry, rows: ArraySlice<Int32>, to target: CellTarget,
        places: ArraySlice<Int32>
    ) throws(HeadwaterError) -> Bool {
        let validity: Range<Int>
        switch encoding {
        case .buffers:
            let layout = try PageCodec.layout(raw)
            validity = layout[0].range
            try copyCells(
                raw.extracting(layout[4].range), layout[4].codec, count: entry.cellCount, rows: rows, to: target, places: places)
        case .dictionary:
            let page = try DictionaryLayout(raw)
            validity = page.validity
            try copyDictionary(raw, page, count: entry.cellCount, rows: rows, to: target, places: places)
        default: return false
        }
        guard entry.nullCount > 0 else { return true }
        guard validity.count == bitmapBytes(entry.cellCount) else {
            throw HeadwaterError(.dataLoss, "a page with nulls without its validity")
        }
        var index = rows.startIndex
        for place in places {
            let row = Int(rows[index])
            index += 1
            let bits: UInt8 = raw.littleEndian(at: validity.lowerBound + row >> 3)
            if bits >> UInt8(row & 7) & 1 == 0 { target.storeNull(place) }
        }
        return true
    }

    private static func copyCells(
        _ bytes: RawSpan, _ codec: BufferCodec, count: Int, rows: ArraySlice<Int32>, to target: CellTarget,
        places: ArraySlice<Int32>
    ) throws(HeadwaterError) {
        guard BufferCodec.takes(codec, target.type) else {
            throw HeadwaterError(.dataLoss, "a buffer's codec does not fit its type")
        }
        // The rows that belong to the places, by the same index.
        let shift = rows.startIndex - places.startIndex
        switch codec {
        case .plain:
            guard bytes.byteCount == count * target.width else { throw HeadwaterError(.dataLoss, "a page of another length") }
            target.store(places, from: bytes, rows: rows)
        case .packed64, .packed32:
            try PackedIntegers.check(bytes, count: count)
            var reader = PackedIntegers.Reader(bytes, count: count)
            target.store(places) { reader.value(Int(rows[$0 &+ shift]), bytes) }
        case .decimal64, .decimal32:
            try DecimalFloats.check(bytes, count: count)
            var reader = DecimalFloats.Reader(bytes, count: count)
            target.store(places) { codec.bits(reader.value(Int(rows[$0 &+ shift]), bytes)) }
        case .lengths: throw HeadwaterError(.dataLoss, "lengths in the place of cells")
        }
    }

    private static func copyDictionary(
        _ raw: RawSpan, _ page: DictionaryLayout, count: Int, rows: ArraySlice<Int32>, to target: CellTarget,
        places: ArraySlice<Int32>
    ) throws(HeadwaterError) {
        let inner = raw.extracting(page.cells)
        let buffer = try PageCodec.layout(inner)[4]
        let cells = try buffer.codec.decode(inner.extracting(buffer.range), type: target.type, count: page.distinctCount)
        guard cells.count == page.distinctCount * target.width, page.distinctCount > 0 else {
            throw HeadwaterError(.dataLoss, "a dictionary of another length")
        }
        let codes = raw.extracting(page.codes)
        try PackedIntegers.check(codes, count: count)
        var reader = PackedIntegers.Reader(codes, count: count)
        var numbers: [Int32] = []
        numbers.reserveCapacity(rows.count)
        for row in rows {
            let code = reader.value(Int(row), codes)
            guard code >= 0, code < page.distinctCount else { throw HeadwaterError(.dataLoss, "a code outside its dictionary") }
            numbers.append(Int32(code))
        }
        cells[...].withBytes { target.store(places, from: $0, rows: numbers[...]) }
    }

    /// Copies the cells at `rows` of a decoded column.
    ///
    /// - Throws: `.failedPrecondition` where a cell does not fit a narrower target.
    static func copy(
        _ column: Column, rows: ArraySlice<Int32>, to target: CellTarget, places: ArraySlice<Int32>
    ) throws(HeadwaterError) {
        guard column.type == target.type else {
            // Only picked cells are converted: others may not fit.
            var builder = ColumnBuilder(target.type, capacity: rows.count)
            for row in rows { try builder.append(converting: column, Int(row)) }
            let converted = builder.finish()
            return try copy(converted, rows: .first(rows.count), to: target, places: places)
        }
        let shift = rows.startIndex - places.startIndex
        if target.width == 0 {
            let picked = column.gathered(rows.lazy.map { Int($0) })
            target.store(places, piece: picked)
        } else if target.type == .bool {
            target.store(places) { column.bool(Int(rows[$0 + shift])) }
        } else {
            column.data.withBytes { target.store(places, from: $0, rows: rows) }
        }
        guard column.nullCount > 0 else { return }
        for index in places.indices where column.isNull(Int(rows[index + shift])) { target.storeNull(places[index]) }
    }
}
