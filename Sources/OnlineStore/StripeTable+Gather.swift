public import FeatureModel

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
            var cursor = unsafe PartCursor(buffer.baseAddress! + initializedCount)
            write(&cursor, eventTimes: eventTimes)
            initializedCount += cursor.count
        }
    }

    /// The answer as packed columns; look at `byteCountMax` first.
    public func encode(eventTimes: Bool) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCountMax(eventTimes: eventTimes)) { buffer, initializedCount in
            var cursor = unsafe PartCursor(UnsafeMutableRawPointer(buffer.baseAddress!))
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

    private func write(_ cursor: inout PartCursor, eventTimes: Bool) {
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
    private func gather(_ run: CompiledPlan.Run, _ cells: UnsafeBufferPointer<FoundCell>, _ cursor: inout PartCursor) {
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

    private func writeStatuses(_ cells: UnsafeBufferPointer<FoundCell>, _ cursor: inout PartCursor) {
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

extension FoundCell {
    /// Eight bytes of a row that is present.
    @inline(__always)
    static func word(_ address: UInt) -> UInt64 {
        // In a slot of the row's layout, which the row is at least as large as.
        unsafe UnsafeRawPointer(bitPattern: address)!.loadUnaligned(as: UInt64.self)
    }
}

/// Writes parts one behind the other into memory that has room for all of them.
@safe
struct PartCursor {
    private let base: UnsafeMutableRawPointer
    private(set) var count = 0

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

    private var next: UnsafeMutableRawPointer { unsafe base + count }

    @inline(__always)
    mutating func append(_ word: UInt64) {
        unsafe next.storeBytes(of: word.littleEndian, as: UInt64.self)
        count += 8
    }

    @inline(__always)
    mutating func append(_ number: UInt32) {
        unsafe next.storeBytes(of: number.littleEndian, as: UInt32.self)
        count += 4
    }

    @inline(__always)
    mutating func append(byte: UInt8) {
        unsafe next.storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    /// Appends bytes of a pinned row.
    @inline(__always)
    mutating func copy(_ address: UInt, byteCount: Int) {
        unsafe next.copyMemory(from: UnsafeRawPointer(bitPattern: address)!, byteCount: byteCount)
        count += byteCount
    }

    mutating func copy(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { unsafe next.copyMemory(from: start, byteCount: bytes.count) }
        }
        count += bytes.byteCount
    }

    mutating func zeros(_ byteCount: Int) {
        unsafe next.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        count += byteCount
    }

    /// Fills up with zeros to a multiple of eight.
    @inline(__always)
    mutating func pad() { zeros(PackedColumns.padded(count) - count) }

    @inline(__always)
    mutating func skip(_ byteCount: Int) { count += byteCount }

    /// Eight words of a row, each into its column, at `row`.
    @inline(__always)
    func scatter8(_ address: UInt, row: Int, columnBytes: Int) {
        let from = unsafe UnsafeRawPointer(bitPattern: address)!
        let to = unsafe next + row * 8
        for column in 0..<8 {
            let word = unsafe from.loadUnaligned(fromByteOffset: column * 8, as: UInt64.self)
            unsafe (to + column * columnBytes).storeBytes(of: word, as: UInt64.self)
        }
    }

    /// Takes back what was written from there on.
    mutating func rewind(to count: Int) { self.count = count }
}
