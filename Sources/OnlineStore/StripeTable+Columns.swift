internal import FeatureModel

/// Columns of an answer where a row may be missing, a cell null, or a type of variable length.
extension OnlineAnswer {
    /// The cell of an output and where its feature stands; `nil` where there is no value.
    @inline(__always)
    private func value(
        _ cell: FoundCell, _ feature: Int, _ common: CompiledVersion?, _ lookup: CompiledLookup
    ) -> CompiledVersion.Place? {
        guard cell.status == .present else { return nil }
        let version = common ?? lookup.version(UInt32(cell.schemaVersion))!
        let place = version.places[feature]
        return cell.isNull(place) ? nil : place
    }

    /// Calls `body` for each row of an output: with its packed features and the place in them, or `nil` where there is no value.
    @inline(__always)
    private func forEach(_ output: Int, _ body: (FoundCell, CompiledVersion.Place?) -> Void) {
        let output = plan.outputs[output]
        let lookup = plan.lookups[output.lookup]
        let common = parts[output.lookup].version
        let first = firstCell(output.lookup)
        unsafe cells.withUnsafeBufferPointer { cells in
            for row in 0..<rowCount {
                let cell = unsafe cells[first + row]
                body(cell, value(cell, output.feature, common, lookup))
            }
        }
    }

    /// Bytes that a column takes with its padding, at most.
    func columnBytesMax(_ index: Int) -> Int {
        let type = plan.types[index]
        if let width = type.fixedWidth { return PackedColumns.padded(rowCount * width) }
        if type == .bool { return PackedColumns.padded(bitmapBytes(rowCount)) }
        // Offsets, counts, and the paddings of up to five parts.
        var count = PackedColumns.padded((rowCount + 1) * 4) + 8 + 5 * 8
        forEach(index) { cell, place in
            guard let place else { return }
            let heap = cell.heap(place).byteCount
            // An array's heap has a bit for each element too, and ends of texts; only of bools it is larger.
            count += type.isText ? heap : heap + 8
        }
        return count
    }

    /// Writes one column with its padding.
    func writeColumn(_ index: Int, _ cells: UnsafeBufferPointer<FoundCell>, _ cursor: inout PartCursor) {
        let type = plan.types[index]
        switch type {
        case .bool: writeBools(index, &cursor)
        case .string, .bytes: writeTexts(index, &cursor)
        case .array(let element): writeArrays(index, element, &cursor)
        default: writeFixed(index, width: type.fixedWidth!, &cursor)
        }
    }

    private func writeFixed(_ index: Int, width: Int, _ cursor: inout PartCursor) {
        forEach(index) { cell, place in
            guard let place else { return cursor.zeros(width) }
            let address = cell.packed + UInt(place.slot)
            switch place.widening {
            case .none where width == 8: cursor.append(FoundCell.word(address))
            case .none: cursor.copy(address, byteCount: width)
            case .int32ToInt64:
                let number = cell.withPacked { $0.littleEndian(at: place.slot, as: Int32.self) }
                cursor.append(UInt64(bitPattern: Int64(number)))
            case .float32ToFloat64:
                let number = cell.withPacked { Float(bitPattern: $0.littleEndian(at: place.slot)) }
                cursor.append(Double(number).bitPattern)
            }
        }
        cursor.pad()
    }

    private func writeBools(_ index: Int, _ cursor: inout PartCursor) {
        var bits: UInt8 = 0
        var row = 0
        forEach(index) { cell, place in
            if let place, cell.withPacked({ $0.littleEndian(at: place.slot, as: UInt8.self) }) != 0 {
                bits |= 1 << UInt8(row & 7)
            }
            row += 1
            if row & 7 == 0 || row == rowCount {
                cursor.append(byte: bits)
                bits = 0
            }
        }
        cursor.pad()
    }

    private func writeTexts(_ index: Int, _ cursor: inout PartCursor) {
        var end: UInt32 = 0
        cursor.append(end)
        forEach(index) { cell, place in
            if let place { end += UInt32(cell.heap(place).byteCount) }
            cursor.append(end)
        }
        cursor.pad()
        forEach(index) { cell, place in
            guard let place else { return }
            cell.withPacked { cursor.copy($0.extracting(cell.heap(place).range)) }
        }
        cursor.pad()
    }

    private func writeArrays(_ index: Int, _ element: FeatureType, _ cursor: inout PartCursor) {
        var hasNulls = false
        var end: UInt32 = 0
        let start = cursor.count
        cursor.append(end)
        forEach(index) { cell, place in
            if let place {
                cell.withHeap(place) { heap in
                    let count: UInt32 = heap.littleEndian(at: 0)
                    end += count
                    hasNulls = hasNulls || RowCodec.hasNulls(array: heap)
                }
            }
            cursor.append(end)
        }
        cursor.pad()
        guard let width = element.fixedWidth, !hasNulls else {
            // Texts, bools and null elements: element by element.
            cursor.rewind(to: start)
            return writeArraysByElement(index, element, &cursor)
        }
        cursor.append(UInt64(0))
        forEach(index) { cell, place in
            guard let place else { return }
            cell.withHeap(place) { cursor.copy($0.extracting(RowCodec.elementRange(array: $0, width: width))) }
        }
        cursor.pad()
    }

    private func writeArraysByElement(_ index: Int, _ element: FeatureType, _ cursor: inout PartCursor) {
        var builder = ColumnBuilder(.array(element), capacity: rowCount)
        forEach(index) { cell, place in
            guard let place else { return builder.appendNull() }
            cell.withHeap(place) { RowCodec.append(array: $0, of: element, to: &builder) }
        }
        var bytes: [UInt8] = []
        PackedColumns.append(builder.finish(), to: &bytes)
        cursor.copy(unsafe bytes.span.bytes)
    }
}

extension FoundCell {
    /// The bytes that a text or array slot names. Traps where they leave the row, whose checksum held: our own mistake.
    @inline(__always)
    func heap(_ place: CompiledVersion.Place) -> (range: Range<Int>, byteCount: Int) {
        withPacked { packed in
            let offset = Int(packed.littleEndian(at: place.slot, as: UInt32.self))
            let count = Int(packed.littleEndian(at: place.slot + 4, as: UInt32.self))
            precondition(offset + count <= packed.byteCount, "a slot points outside of its row")
            return (offset..<offset + count, count)
        }
    }

    @inline(__always)
    func withHeap<Result>(_ place: CompiledVersion.Place, _ body: (RawSpan) -> Result) -> Result {
        let range = heap(place).range
        return withPacked { body($0.extracting(range)) }
    }
}
