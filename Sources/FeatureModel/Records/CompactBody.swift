/// The body of a write of few rows, without alignment and empty buffers (docs/formats/batch.md, "Compact body").
enum CompactBody {
    static let magic: UInt32 = 0x3242_5748  // "HWB2"
    static let rowsMax = 1_024
    /// Present columns of all entries together: they take more memory when decoded than in the body.
    static let columnsMax = 1 << 16

    private static let magicBytes = 4
    private static let codeBits: UInt8 = 0x1F
    private static let nullsBit: UInt8 = 0x20

    /// Whether a body is of this form.
    static func isCompact(_ body: ArraySlice<UInt8>) -> Bool {
        body.count >= magicBytes && body.littleEndian(at: 0, as: UInt32.self) == magic
    }

    // MARK: Encoding

    /// - Returns: `nil` where an entry has no row, or more of something than the form takes.
    static func encode(_ entries: [RecordEntry]) -> [UInt8]? {
        guard !entries.isEmpty, entries.allSatisfy({ (1...rowsMax).contains($0.batch.rowCount) }),
            entries.reduce(0, { $0 + $1.batch.columns.count }) <= columnsMax,
            entries.allSatisfy({ $0.batch.ordinals.last ?? 0 < columnsMax })
        else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(magicBytes) { $0 + 32 + 3 * $1.batch.columns.count + $1.batch.byteCount })
        bytes.append(littleEndian: magic)
        for entry in entries { append(entry, to: &bytes) }
        return bytes
    }

    private static func append(_ entry: RecordEntry, to bytes: inout [UInt8]) {
        let batch = entry.batch
        bytes.append(varint: entry.groupID)
        bytes.append(varint: entry.schemaVersion)
        bytes.append(entry.operation.rawValue)
        bytes.append(varint: UInt32(batch.rowCount))
        let bitmapBytes = bitmapBytes((batch.ordinals.last ?? -1) + 1)
        bytes.append(varint: UInt32(bitmapBytes))
        let bitmap = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: bitmapBytes))
        for ordinal in batch.ordinals { bytes[bitmap + ordinal >> 3] |= 1 << UInt8(ordinal & 7) }
        for column in batch.columns { append(descriptorOf: column, to: &bytes) }
        for column in batch.columns { append(cellsOf: column, to: &bytes) }
    }

    private static func append(descriptorOf column: Column, to bytes: inout [UInt8]) {
        let (code, element) = column.type.codes
        bytes.append(code | (column.nullCount > 0 ? nullsBit : 0))
        switch column.type {
        case .array: bytes.append(element)
        case .vector(let length): bytes.append(varint: UInt32(length))
        default: break
        }
    }

    private static func append(cellsOf column: Column, to bytes: inout [UInt8]) {
        if column.nullCount > 0 { bytes.append(contentsOf: column.validity) }
        guard case .array = column.type else { return append(valuesOf: column, to: &bytes) }
        for row in 0..<column.count { bytes.append(varint: UInt32(column.range(row).count)) }
        let elements = column.elements
        bytes.append(elements.nullCount > 0 ? 1 : 0)
        if elements.nullCount > 0 { bytes.append(contentsOf: elements.validity) }
        append(valuesOf: elements, to: &bytes)
    }

    private static func append(valuesOf column: Column, to bytes: inout [UInt8]) {
        if column.type.isText {
            for row in 0..<column.count { bytes.append(varint: UInt32(column.range(row).count)) }
        }
        bytes.append(contentsOf: column.data)
    }

    // MARK: Decoding

    /// Decodes and checks bytes from outside, as `Batch(decoding:)` does.
    ///
    /// - Throws: `.invalidArgument` that says what is malformed, `.unimplemented` for a type that is not known.
    static func decode(_ body: ArraySlice<UInt8>) throws(HeadwaterError) -> [RecordEntry] {
        var reader = ByteReader(body, cutOff: malformed("it is cut off"))
        _ = try reader.bytes(magicBytes)
        var entries: [RecordEntry] = []
        var columnsLeft = columnsMax
        while !reader.isAtEnd {
            guard entries.count < Limits.entriesMax else { throw RecordBody.tooManyEntries }
            entries.append(try entry(&reader, columnsLeft: &columnsLeft))
        }
        return entries
    }

    private static func malformed(_ what: String) -> HeadwaterError {
        HeadwaterError(.invalidArgument, "malformed write: \(what)")
    }

    /// What stands before the cells of an entry.
    struct EntryHead {
        let groupID: GroupID
        let schemaVersion: UInt32
        let operation: Operation
        let rowCount: Int
        let ordinals: [Int]
        let columns: [(type: FeatureType, hasNulls: Bool)]
    }

    /// The head of a body that writes one row, and where its cells begin; `nil` for any other body.
    static func singleWrite(_ body: ArraySlice<UInt8>) -> (head: EntryHead, cells: Int)? {
        guard isCompact(body) else { return nil }
        var reader = ByteReader(body.dropFirst(magicBytes), cutOff: malformed("it is cut off"))
        var columnsLeft = columnsMax
        guard let head = try? head(&reader, columnsLeft: &columnsLeft), head.operation == .write, head.rowCount == 1 else {
            return nil
        }
        return (head, magicBytes + reader.offset)
    }

    private static func head(_ reader: inout ByteReader, columnsLeft: inout Int) throws(HeadwaterError) -> EntryHead {
        let groupID = try reader.varint()
        let schemaVersion = try reader.varint()
        guard let operation = Operation(rawValue: try reader.integer()) else {
            throw malformed("an operation that is not known")
        }
        let rowCount = Int(try reader.varint())
        guard (1...rowsMax).contains(rowCount) else {
            throw malformed("\(rowCount) rows in a compact entry; 1 to \(rowsMax) are allowed")
        }
        let ordinals = try ordinals(&reader, columnsLeft: &columnsLeft)
        var columns: [(type: FeatureType, hasNulls: Bool)] = []
        columns.reserveCapacity(ordinals.count)
        for _ in ordinals { columns.append(try descriptor(&reader)) }
        return EntryHead(
            groupID: groupID, schemaVersion: schemaVersion, operation: operation, rowCount: rowCount, ordinals: ordinals,
            columns: columns)
    }

    private static func entry(_ reader: inout ByteReader, columnsLeft: inout Int) throws(HeadwaterError) -> RecordEntry {
        let head = try head(&reader, columnsLeft: &columnsLeft)
        var columns: [Column] = []
        columns.reserveCapacity(head.ordinals.count)
        for (ordinal, (type, hasNulls)) in zip(head.ordinals, head.columns) {
            do {
                columns.append(try column(&reader, type, count: head.rowCount, hasNulls: hasNulls))
            } catch {
                throw error.located(at: "column \(ordinal)")
            }
        }
        return RecordEntry(
            groupID: head.groupID, schemaVersion: head.schemaVersion, operation: head.operation,
            batch: Batch(rowCount: head.rowCount, ordinals: head.ordinals, checked: columns))
    }

    private static func ordinals(_ reader: inout ByteReader, columnsLeft: inout Int) throws(HeadwaterError) -> [Int] {
        let count = Int(try reader.varint())
        guard count <= columnsMax / 8 else { throw malformed("a bitmap of \(count) bytes; the limit is \(columnsMax / 8)") }
        let bitmap = try reader.bytes(count)
        guard bitmap.last != 0 else { throw malformed("a bitmap that ends with a byte of zero") }
        columnsLeft -= bitmap.setBits(count * 8)
        guard columnsLeft >= 0 else { throw malformed("more than \(columnsMax) columns in a compact body: send batches") }
        return (0..<count * 8).filter { bitmap.bit($0) }
    }

    private static func descriptor(_ reader: inout ByteReader) throws(HeadwaterError) -> (type: FeatureType, hasNulls: Bool) {
        let byte = try reader.integer(UInt8.self)
        guard byte & ~(codeBits | nullsBit) == 0 else { throw malformed("a column's descriptor does not hold") }
        let code = byte & codeBits
        let element: UInt8 = code == FeatureType.arrayCode ? try reader.integer() : 0
        let length = code == FeatureType.vectorCode ? try reader.varint() : 0
        return (try FeatureType(code: code, element: element, length: length), byte & nullsBit != 0)
    }

    private static func column(
        _ reader: inout ByteReader, _ type: FeatureType, count: Int, hasNulls: Bool
    ) throws(HeadwaterError) -> Column {
        if !hasNulls, let width = type.fixedWidth {
            return Column(type: type, count: count, nullCount: 0, data: try reader.bytes(count * width))
        }
        let validity = hasNulls ? try reader.bytes(bitmapBytes(count)) : []
        let nullCount = hasNulls ? count - validity.setBits(count) : 0
        if hasNulls && nullCount == 0 { throw malformed("a column that states nulls and has none") }
        guard case .array(let element) = type else {
            let (offsets, data) = try values(&reader, type, count: count)
            return try Column.checked(
                type: type, count: count, nullCount: nullCount, validity: validity, offsets: offsets, elementValidity: [],
                elementOffsets: [], data: data)
        }
        let (offsets, elementCount) = try lengths(&reader, count: count)
        let elementNulls = try reader.integer(UInt8.self)
        guard elementNulls <= 1 else { throw malformed("an array's elements do not hold") }
        let elementValidity = elementNulls == 1 ? try reader.bytes(bitmapBytes(elementCount)) : []
        if elementNulls == 1 && elementValidity.setBits(elementCount) == elementCount {
            throw malformed("elements that are stated null, and none is")
        }
        let (elementOffsets, data) = try values(&reader, element, count: elementCount)
        return try Column.checked(
            type: type, count: count, nullCount: nullCount, validity: validity, offsets: offsets,
            elementValidity: elementValidity,
            elementOffsets: elementOffsets, data: data)
    }

    /// The cells of a column that is no array: the offsets of texts, and the data.
    private static func values(
        _ reader: inout ByteReader, _ type: FeatureType, count: Int
    ) throws(HeadwaterError) -> (offsets: ArraySlice<UInt8>, data: ArraySlice<UInt8>) {
        if let width = type.fixedWidth { return ([], try reader.bytes(count * width)) }
        if type == .bool { return ([], try reader.bytes(bitmapBytes(count))) }
        let (offsets, byteCount) = try lengths(&reader, count: count)
        return (offsets, try reader.bytes(byteCount))
    }

    /// Reads `count` lengths, which take a byte each at least; returns them as offsets, and the last offset.
    private static func lengths(
        _ reader: inout ByteReader, count: Int
    ) throws(HeadwaterError) -> (offsets: ArraySlice<UInt8>, end: Int) {
        guard count <= reader.remaining.count else { throw malformed("it is cut off") }
        var offsets: [UInt8] = []
        offsets.reserveCapacity((count + 1) * 4)
        offsets.append(littleEndian: Int32(0))
        var end = 0
        for _ in 0..<count {
            end += Int(try reader.varint())
            guard end <= Limits.batchBytesMax else { throw malformed("lengths beyond the limit of a write") }
            offsets.append(littleEndian: Int32(end))
        }
        return (offsets[...], end)
    }
}
