public import FeatureModel

/// The result of a read, valid until the call that lends it returns.
public struct OnlineAnswer {
    private let plan: CompiledPlan
    /// Cells of each lookup, one lookup behind the other.
    private let cells: [FoundCell]
    private let parts: [FoundPart]
    /// Rows that were read: as many cells each lookup has.
    private let foundCount: Int
    /// The position that the whole answer shows.
    public let position: Position
    /// The rows that are answered: all that were read, unless it was narrowed.
    private var rows: Range<Int>
    /// Whether every lookup has all the rows, of its group's newest version, without a null.
    private var isWhole = false

    init(plan: CompiledPlan, cells: [FoundCell], parts: [FoundPart], foundCount: Int, position: Position) {
        (self.plan, self.cells, self.parts, self.foundCount, self.position) = (plan, cells, parts, foundCount, position)
        rows = 0..<foundCount
        isWhole = areRowsWhole
    }

    public var rowCount: Int { rows.count }

    /// Makes it the answer of some of the rows that were read, where one read was made
    /// for several requests: the same bytes as those of a read of these rows alone.
    ///
    /// - Parameter rows: at least one; counted among all rows that were read.
    public mutating func narrow(to rows: Range<Int>) {
        precondition(!rows.isEmpty && rows.lowerBound >= 0 && rows.upperBound <= foundCount, "rows that were not read")
        self.rows = rows
        isWhole = areRowsWhole
    }

    /// Counts what was found of some of the rows that were read, in each group that was asked for: once they have been answered.
    public func count(_ rows: Range<Int>) {
        for (index, lookup) in plan.lookups.enumerated() {
            var (hits, expired) = (0, 0)
            for cell in cells[index * foundCount + rows.lowerBound..<index * foundCount + rows.upperBound] {
                if cell.status == .present { hits += 1 }
                if cell.status == .outsideMaxAge { expired += 1 }
            }
            lookup.counters.add(hits: hits, misses: rows.count - hits - expired, expired: expired)
        }
    }

    /// Counts all rows that were read.
    public func count() { count(0..<foundCount) }

    /// The index of a lookup's first cell.
    @inline(__always)
    private func firstCell(_ lookup: Int) -> Int { lookup * foundCount + rows.lowerBound }

    /// The status of a lookup's row as a whole, which is never `.nullValue`.
    public func rowStatus(lookup: Int, row: Int) -> CellStatus { cells[firstCell(lookup) + row].status }

    /// Event time of a row that was found; `always` in a static table and where there is none.
    public func eventTime(lookup: Int, row: Int) -> Microseconds { cells[firstCell(lookup) + row].eventTime }

    private var areRowsWhole: Bool {
        if plan.runs == nil { return false }
        for index in parts.indices {
            let newest = plan.lookups[index].newest
            if parts[index].isWhole && parts[index].version === newest { continue }
            // A slice of the rows may be of the newest version throughout where all of them are not.
            guard rowCount < foundCount, let newest else { return false }
            let first = firstCell(index)
            guard cells[first..<first + rowCount].allSatisfy({ $0.isWhole(of: newest) }) else { return false }
        }
        return true
    }
}

/// Writes what a read found as packed columns (docs/formats/packed-columns.md), straight from the rows.
extension OnlineAnswer {
    /// Bytes of the answer as packed columns, at most.
    public func byteCountMax(eventTimes: Bool) -> Int {
        let outputs = plan.outputs.count
        var count = PackedColumns.Header.byteCount + (eventTimes ? outputs * rowCount * 8 : 0)
        if isWhole, let runs = plan.runs {
            for run in runs { count += run.count * PackedColumns.padded(rowCount * run.width) }
            return count
        }
        count += PackedColumns.statusBytes(columns: outputs, rowCount: rowCount)
        for index in plan.outputs.indices { count += columnBytesMax(index) }
        return count
    }

    /// Appends the answer as packed columns; `byteCountMax` bytes must be free. The tag is the position.
    public func write(to output: inout OutputRawSpan, eventTimes: Bool) {
        precondition(output.freeCapacity >= byteCountMax(eventTimes: eventTimes), "no room for the answer")
        unsafe output.withUnsafeMutableBytes { buffer, initializedCount in
            // The cursor starts at the first free byte and writes no more than `byteCountMax` from there.
            var cursor = unsafe ColumnCursor(buffer.baseAddress! + initializedCount)
            write(&cursor, eventTimes: eventTimes)
            initializedCount += cursor.count
        }
    }

    /// The answer as packed columns; look at `byteCountMax` first.
    public func encode(eventTimes: Bool) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCountMax(eventTimes: eventTimes)) { buffer, initializedCount in
            var cursor = unsafe ColumnCursor(UnsafeMutableRawPointer(buffer.baseAddress!))
            write(&cursor, eventTimes: eventTimes)
            initializedCount = cursor.count
        }
    }

    /// The answer as columns with their statuses.
    ///
    /// - Throws: `.resourceExhausted` for an answer larger than a batch may be.
    public func columns() throws(HeadwaterError) -> PackedColumns {
        guard byteCountMax(eventTimes: false) <= Limits.batchBytesMax else {
            throw HeadwaterError(
                .resourceExhausted, "an answer of more than \(Limits.batchBytesMax) bytes: ask for fewer keys at once")
        }
        return try PackedColumns(decoding: encode(eventTimes: false)[...], types: plan.types)
    }

    private func write(_ cursor: inout ColumnCursor, eventTimes: Bool) {
        let header = PackedColumns.Header(
            tag: position, rowCount: rowCount, hasStatuses: !isWhole, hasEventTimes: eventTimes)
        cursor.append(header.words.0)
        cursor.append(header.words.1)
        unsafe cells.withUnsafeBufferPointer { cells in
            if isWhole, let runs = plan.runs {
                for index in runs.indices { unsafe gather(runs[index], cells, &cursor) }
            } else {
                unsafe writeStatuses(cells, &cursor)
                for index in plan.outputs.indices { unsafe writeColumn(index, cells, &cursor) }
            }
            guard eventTimes else { return }
            for output in plan.outputs {
                for row in 0..<rowCount {
                    cursor.append(UInt64(bitPattern: unsafe cells[firstCell(output.lookup) + row].eventTime))
                }
            }
        }
    }

    /// Turns a run of neighbouring features of all rows into columns.
    private func gather(_ run: CompiledPlan.Run, _ cells: UnsafeBufferPointer<FoundCell>, _ cursor: inout ColumnCursor) {
        let first = firstCell(run.lookup)
        if rowCount == 1 {
            cursor.copy(unsafe cells[first].packed + UInt(run.slot), byteCount: run.width * run.count)
            return cursor.pad()
        }
        if run.width == 8 {
            let columnBytes = rowCount * 8
            var column = 0
            // Eight features fill a cache line of each row.
            while column + 8 <= run.count {
                let slot = run.slot + column * 8
                for row in 0..<rowCount {
                    cursor.scatter8(unsafe cells[first + row].packed + UInt(slot), row: row, columnBytes: columnBytes)
                }
                cursor.skip(8 * columnBytes)
                column += 8
            }
            while column < run.count {
                let slot = run.slot + column * 8
                for row in 0..<rowCount { cursor.append(unsafe FoundCell.word(cells[first + row].packed + UInt(slot))) }
                column += 1
            }
            return
        }
        for column in 0..<run.count {
            let slot = run.slot + column * run.width
            for row in 0..<rowCount { cursor.copy(unsafe cells[first + row].packed + UInt(slot), byteCount: run.width) }
            cursor.pad()
        }
    }

    private func writeStatuses(_ cells: UnsafeBufferPointer<FoundCell>, _ cursor: inout ColumnCursor) {
        for output in plan.outputs {
            let first = firstCell(output.lookup)
            let lookup = plan.lookups[output.lookup]
            let common = parts[output.lookup].version
            var bits: UInt8 = 0
            for row in 0..<rowCount {
                let cell = unsafe cells[first + row]
                var status = cell.status
                if status == .present {
                    let version = common ?? lookup.version(UInt32(cell.schemaVersion))!
                    if cell.isNull(version.places[output.feature]) { status = .nullValue }
                }
                bits |= status.rawValue << UInt8(2 * (row & 3))
                if row & 3 == 3 || row == rowCount - 1 {
                    cursor.append(byte: bits)
                    bits = 0
                }
            }
        }
        cursor.pad()
    }
}

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
    private func columnBytesMax(_ index: Int) -> Int {
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
    private func writeColumn(_ index: Int, _ cells: UnsafeBufferPointer<FoundCell>, _ cursor: inout ColumnCursor) {
        let type = plan.types[index]
        switch type {
        case .bool: writeBools(index, &cursor)
        case .string, .bytes: writeTexts(index, &cursor)
        case .array(let element): writeArrays(index, element, &cursor)
        default: writeFixed(index, width: type.fixedWidth!, &cursor)
        }
    }

    private func writeFixed(_ index: Int, width: Int, _ cursor: inout ColumnCursor) {
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

    private func writeBools(_ index: Int, _ cursor: inout ColumnCursor) {
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

    private func writeTexts(_ index: Int, _ cursor: inout ColumnCursor) {
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

    private func writeArrays(_ index: Int, _ element: FeatureType, _ cursor: inout ColumnCursor) {
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

    private func writeArraysByElement(_ index: Int, _ element: FeatureType, _ cursor: inout ColumnCursor) {
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
