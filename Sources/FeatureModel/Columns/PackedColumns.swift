/// Columns as compact as they can be where both sides know their types: the keys and the answer of a get by handle.
///
/// The layout is docs/formats/packed-columns.md. Decoded columns share the storage of the bytes they came in.
public struct PackedColumns: Sendable {
    /// What stands before the columns.
    public struct Header: Sendable {
        public static let byteCount = 16
        static let statusesFlag: UInt32 = 1
        static let eventTimesFlag: UInt32 = 2

        /// Request: the handle; answer: the position.
        public let tag: UInt64
        public let rowCount: Int
        public let hasStatuses: Bool
        public let hasEventTimes: Bool

        public init(tag: UInt64, rowCount: Int, hasStatuses: Bool, hasEventTimes: Bool) {
            self.tag = tag
            self.rowCount = rowCount
            self.hasStatuses = hasStatuses
            self.hasEventTimes = hasEventTimes
        }

        /// Reads and checks the first 16 bytes.
        @inline(__always)
        public init(decoding bytes: RawSpan) throws(HeadwaterError) {
            guard bytes.byteCount >= Self.byteCount else { throw PackedColumns.malformed("\(bytes.byteCount) bytes") }
            tag = bytes.littleEndian(at: 0)
            rowCount = Int(bytes.littleEndian(at: 8, as: UInt32.self))
            let flags: UInt32 = bytes.littleEndian(at: 12)
            guard rowCount <= Limits.batchRowsMax, flags & ~(Self.statusesFlag | Self.eventTimesFlag) == 0 else {
                throw PackedColumns.malformed("\(rowCount) rows, flags \(flags)")
            }
            hasStatuses = flags & Self.statusesFlag != 0
            hasEventTimes = flags & Self.eventTimesFlag != 0
        }

        /// The 16 bytes as two words.
        public var words: (UInt64, UInt64) {
            let flags = (hasStatuses ? Self.statusesFlag : 0) | (hasEventTimes ? Self.eventTimesFlag : 0)
            return (tag, UInt64(rowCount) | UInt64(flags) << 32)
        }
    }

    public private(set) var header: Header
    public private(set) var columns: [Column] = []
    /// One for each column; empty where every cell is PRESENT.
    public private(set) var statuses: [StatusColumn] = []
    /// One for each column, where they are there.
    public private(set) var eventTimes: [[Microseconds]] = []

    static func malformed(_ what: String) -> HeadwaterError {
        HeadwaterError(.invalidArgument, "malformed packed columns: \(what)")
    }

    /// `count` bytes, padded.
    public static func padded(_ count: Int) -> Int { (count + 7) & ~7 }

    /// Bytes of all statuses.
    public static func statusBytes(columns: Int, rowCount: Int) -> Int { padded(columns * ((rowCount + 3) / 4)) }

    /// A status for each cell: all PRESENT where none came.
    public var cellStatuses: [StatusColumn] {
        statuses.isEmpty ? columns.map { StatusColumn(.present, count: $0.count) } : statuses
    }

    // MARK: Encoding

    /// Encodes columns of equal length: what a client does with keys.
    ///
    /// - Parameters:
    ///   - statuses: one for each column; without any, a null is NULL_VALUE.
    ///   - eventTimes: one for each column; none where nobody asks for them.
    public static func encode(
        tag: UInt64, rowCount: Int, columns: [Column], statuses: [StatusColumn] = [], eventTimes: [[Microseconds]] = []
    ) -> [UInt8] {
        let hasStatuses = !statuses.isEmpty || columns.contains { $0.nullCount > 0 }
        let header = Header(tag: tag, rowCount: rowCount, hasStatuses: hasStatuses, hasEventTimes: !eventTimes.isEmpty)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Header.byteCount + columns.reduce(0) { $0 + $1.byteCount + 40 })
        bytes.append(littleEndian: header.words.0)
        bytes.append(littleEndian: header.words.1)
        if hasStatuses {
            for (index, column) in columns.enumerated() {
                bytes.append(contentsOf: statuses.isEmpty ? column.nullStatuses.packed : statuses[index].packed)
            }
            bytes.pad(to: 8)
        }
        for column in columns { append(column, to: &bytes) }
        for times in eventTimes { for time in times { bytes.append(littleEndian: time) } }
        return bytes
    }

    /// Appends one column's parts.
    public static func append(_ column: Column, to bytes: inout [UInt8]) {
        func part(_ buffer: ArraySlice<UInt8>) {
            bytes.append(contentsOf: buffer)
            bytes.pad(to: 8)
        }
        if !column.offsets.isEmpty { part(column.offsets) }
        if case .array = column.type {
            let elements = column.elements
            bytes.append(littleEndian: UInt64(elements.nullCount))
            if elements.nullCount > 0 { part(elements.validity) }
            if !elements.offsets.isEmpty { part(elements.offsets) }
        }
        part(column.data)
    }

    // MARK: Decoding

    /// Decodes and checks bytes from outside.
    ///
    /// - Complexity: O(bytes).
    /// - Throws: `.invalidArgument` that says what is malformed.
    public init(decoding bytes: ArraySlice<UInt8>, types: some Collection<FeatureType>) throws(HeadwaterError) {
        header = try Header(decoding: unsafe bytes.span.bytes)
        var reader = PartReader(bytes, at: Header.byteCount)
        let rows = header.rowCount
        var statusBytes: ArraySlice<UInt8> = []
        if header.hasStatuses { statusBytes = try reader.part(types.count * ((rows + 3) / 4)) }
        for type in types {
            let packed = statusBytes.prefix((rows + 3) / 4)
            statusBytes = statusBytes.dropFirst(packed.count)
            let status = header.hasStatuses ? try StatusColumn(packed: packed, count: rows) : nil
            if let status { statuses.append(status) }
            columns.append(try reader.column(type, count: rows, status))
        }
        if header.hasEventTimes {
            for _ in types {
                let times = try reader.part(rows * 8)
                eventTimes.append((0..<rows).map { times.littleEndian(at: $0 * 8) })
            }
        }
        guard reader.isAtEnd else { throw Self.malformed("bytes behind the end") }
    }
}

extension PackedColumns {
    /// Decodes and checks the key columns of a request into an array whose memory is used again.
    ///
    /// - Throws: `.invalidArgument` that says what is malformed.
    public static func decodeKeys(
        _ bytes: ArraySlice<UInt8>, types: [FeatureType], into columns: inout [Column]
    ) throws(HeadwaterError) {
        let header = try Header(decoding: unsafe bytes.span.bytes)
        guard !header.hasStatuses, !header.hasEventTimes else {
            columns += try PackedColumns(decoding: bytes, types: types).columns
            return
        }
        var reader = PartReader(bytes, at: Header.byteCount)
        for type in types { columns.append(try reader.column(type, count: header.rowCount, nil)) }
        guard reader.isAtEnd else { throw malformed("bytes behind the end") }
    }
}

/// Takes parts off packed columns, never beyond their end.
private struct PartReader {
    private let bytes: ArraySlice<UInt8>
    private var offset: Int

    init(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func part(_ count: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
        guard count >= 0, PackedColumns.padded(count) <= bytes.count - offset else {
            throw PackedColumns.malformed("cut off at byte \(offset)")
        }
        defer { offset += PackedColumns.padded(count) }
        return bytes.part(at: offset, count: count)
    }

    mutating func column(_ type: FeatureType, count: Int, _ statuses: StatusColumn?) throws(HeadwaterError) -> Column {
        let (validity, nullCount) = statuses?.validity ?? ([], 0)
        if type == .bool || type.fixedWidth != nil {
            let data = try part(type.fixedWidth.map { $0 * count } ?? bitmapBytes(count))
            // Their lengths are all there is to check.
            return Column(type: type, count: count, nullCount: nullCount, validity: validity[...], data: data)
        }
        let offsets = try part((count + 1) * 4)
        let last = Int(offsets.littleEndian(at: count * 4, as: Int32.self))
        guard last >= 0 else { throw PackedColumns.malformed("a negative offset") }
        guard case .array(let element) = type else {
            return try Column.checked(
                type: type, count: count, nullCount: nullCount, validity: validity[...], offsets: offsets, elementValidity: [],
                elementOffsets: [], data: try part(last))
        }
        let nulls = try part(8).littleEndian(at: 0, as: UInt64.self)
        let elementValidity = nulls > 0 ? try part(bitmapBytes(last)) : []
        let elementOffsets = element.isText ? try part((last + 1) * 4) : []
        let dataBytes =
            element.isText
            ? Int(elementOffsets.littleEndian(at: last * 4, as: Int32.self))
            : element.fixedWidth.map { $0 * last } ?? bitmapBytes(last)
        let column = try Column.checked(
            type: type, count: count, nullCount: nullCount, validity: validity[...], offsets: offsets,
            elementValidity: elementValidity, elementOffsets: elementOffsets, data: try part(dataBytes))
        guard column.elements.nullCount == nulls else { throw PackedColumns.malformed("\(nulls) null elements are stated") }
        return column
    }
}

extension Column {
    /// A null is NULL_VALUE, all else PRESENT.
    fileprivate var nullStatuses: StatusColumn {
        var statuses = StatusColumn()
        for row in 0..<count { statuses.append(isNull(row) ? .nullValue : .present) }
        return statuses
    }
}

extension StatusColumn {
    /// Validity bits, 1 where the cell is PRESENT, and how many are not; no bits where all are.
    fileprivate var validity: (bits: [UInt8], nullCount: Int) {
        var bits: [UInt8] = []
        var nullCount = 0
        for row in 0..<count {
            let isPresent = self[row] == .present
            bits.appendBit(isPresent, at: row)
            if !isPresent { nullCount += 1 }
        }
        return nullCount == 0 ? ([], 0) : (bits, nullCount)
    }
}
