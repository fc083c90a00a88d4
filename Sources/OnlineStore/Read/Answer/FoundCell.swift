internal import FeatureModel

/// The row that was found for one key of one lookup. It is pinned until the read ends.
@safe
struct FoundCell {
    /// Address of the packed features; 0 unless the row is present.
    let packed: UInt
    let eventTime: Microseconds
    let packedCount: UInt32
    let schemaVersion: UInt16
    let status: CellStatus

    static func absent(_ status: CellStatus) -> FoundCell {
        FoundCell(packed: 0, eventTime: EventTime.always, packedCount: 0, schemaVersion: 0, status: status)
    }

    /// The packed features of a row that is present.
    @inline(__always)
    func withPacked<Result>(_ body: (RawSpan) -> Result) -> Result {
        body(unsafe RawSpan(_unsafeStart: UnsafeRawPointer(bitPattern: packed)!, byteCount: Int(packedCount)))
    }

    /// Whether the feature at a place is null, or not there.
    @inline(__always)
    func isNull(_ place: CompiledVersion.Place) -> Bool {
        // A packed row has its layout's null bits: checked when it was found.
        if place.index < 0 { return true }
        let byte = unsafe UnsafeRawPointer(bitPattern: packed)!.load(fromByteOffset: place.index >> 3, as: UInt8.self)
        return byte >> UInt8(place.index & 7) & 1 == 1
    }

    /// Whether the row is there, of this version, and has no null.
    func isWhole(of version: CompiledVersion) -> Bool {
        status == .present && UInt32(schemaVersion) == version.number && version.hasAll
            && !hasNulls(bitmapBytes: version.bitmapBytes)
    }

    /// Whether any feature of the row is null, asked for or not.
    @inline(__always)
    func hasNulls(bitmapBytes: Int) -> Bool {
        let bits = unsafe UnsafeRawPointer(bitPattern: packed)!
        if bitmapBytes < 8, packedCount >= 8 {
            return unsafe bits.loadUnaligned(as: UInt64.self).littleEndian & (1 << UInt64(bitmapBytes * 8) - 1) != 0
        }
        for index in 0..<bitmapBytes where unsafe bits.load(fromByteOffset: index, as: UInt8.self) != 0 { return true }
        return false
    }
}

extension FoundCell {
    /// Eight bytes of a row that is present.
    @inline(__always)
    static func word(_ address: UInt) -> UInt64 {
        // The address lies in a slot of the row's layout, and the row is at least as large as its layout.
        unsafe UnsafeRawPointer(bitPattern: address)!.loadUnaligned(as: UInt64.self)
    }

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

/// The rows that were found for all keys of one lookup.
struct FoundPart {
    /// The version of all rows that are there; `nil` where they are of several, or none is.
    let version: CompiledVersion?
    /// Whether every key has a row to serve, and no feature of any is null or missing.
    let isWhole: Bool

    /// Judges the rows that were found for the keys of a lookup, and appends a cell for each.
    ///
    /// - Parameter oldest: a row older than this is outside of max_age.
    /// - Throws: `.dataLoss` for a row that does not fit its schema version, `.failedPrecondition` where a schema moved.
    init(
        _ lookup: CompiledLookup, _ found: borrowing FoundRows, oldest: Microseconds, into cells: inout [FoundCell]
    ) throws(HeadwaterError) {
        var version: CompiledVersion?
        var isOfOneVersion = true
        var isWhole = true
        var hits = 0
        for index in found.rows.indices {
            let row = found.rows[index]
            if row.address == 0 {
                cells.append(.absent(.notFound))
                continue
            }
            let header = row.header
            let eventTime = header.order.eventTime
            if header.isTombstone || eventTime < lookup.cutoff {
                cells.append(.absent(.notFound))
                continue
            }
            if eventTime < oldest && eventTime != EventTime.always {
                cells.append(.absent(.outsideMaxAge))
                continue
            }
            if version?.number != header.schemaVersion {
                if version != nil { isOfOneVersion = false }
                version = try lookup.readable(header.schemaVersion)
            }
            guard let version, header.packedCount >= version.layout.fixedBytes else { throw lookup.malformed(header) }
            let cell = FoundCell(
                packed: row.address + UInt(RowHeader.byteCount + header.keyCount), eventTime: eventTime,
                packedCount: UInt32(header.packedCount), schemaVersion: UInt16(header.schemaVersion), status: .present)
            if isWhole, !version.hasAll || cell.hasNulls(bitmapBytes: version.bitmapBytes) { isWhole = false }
            cells.append(cell)
            hits += 1
        }
        self.version = isOfOneVersion ? version : nil
        self.isWhole = isWhole && hits == found.rows.count
    }
}

extension CompiledLookup {
    /// How to read a row.
    ///
    /// - Throws: as the other, and `.dataLoss` for a row that is shorter than its version's.
    func readable(_ header: RowHeader) throws(HeadwaterError) -> CompiledVersion {
        let version = try readable(header.schemaVersion)
        guard header.packedCount >= version.layout.fixedBytes else { throw malformed(header) }
        return version
    }

    /// - Throws: `.dataLoss` for a version that no schema is known of,
    ///   `.failedPrecondition` for one that cannot be read as asked.
    fileprivate func readable(_ number: UInt32) throws(HeadwaterError) -> CompiledVersion {
        guard let version = version(number) else {
            throw HeadwaterError(
                .dataLoss,
                "a row of group \(groupID) is of schema version \(number), which is not known: rebuild the online store")
        }
        if let narrowed = version.narrowed {
            throw HeadwaterError(.failedPrecondition, "\(narrowed): prepare the query again")
        }
        return version
    }

    fileprivate func malformed(_ header: RowHeader) -> HeadwaterError {
        HeadwaterError(
            .dataLoss,
            "a row of group \(groupID) does not fit schema version \(header.schemaVersion): rebuild the online store")
    }
}
