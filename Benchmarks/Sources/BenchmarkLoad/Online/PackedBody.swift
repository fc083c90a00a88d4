internal import FeatureModel
internal import Wire

/// What the body of a prepared get is: columns without a directory, as both sides know their types.
///
/// `{u64 tag, u32 rows, u32 flags}`, statuses where flag bit 0 is set, then each column's parts, each padded to 8 bytes, and event
/// times where bit 1 is set. The tag is the handle in a request and the position in a reply.
enum PackedBody {
    /// The method `getPrepared`; `Method` need not know it, as frames are built here.
    static let methodCode: UInt16 = 23
    static let headerBytes = 16
    private static let statusesFlag: UInt32 = 1

    /// The frame of a request for int64 keys. Its id, handle and checksum are set when it is sent.
    static func request(_ columns: [[Int64]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(FrameHeader.byteCount + headerBytes + columns.count * columns[0].count * 8)
        for column in columns {
            for key in column { bytes.append(littleEndian: key) }
        }
        var body: [UInt8] = []
        body.reserveCapacity(bytes.count + headerBytes)
        body.append(littleEndian: UInt64(0))
        body.append(littleEndian: UInt32(columns[0].count))
        body.append(littleEndian: UInt32(0))
        body += bytes
        return FrameParts.request(methodCode, body: body)
    }

    /// Bytes of a reply of int64 columns in which every cell is there, frame header included.
    static func replyBytes(rows: Int, int64s: Int) -> Int { FrameHeader.byteCount + headerBytes + rows * int64s * 8 }
    static func requestBytes(rows: Int, keys: Int = 1) -> Int { FrameHeader.byteCount + headerBytes + rows * keys * 8 }

    /// Reads a body.
    ///
    /// - Returns: the columns, and their statuses, empty where every cell is PRESENT.
    static func decode(
        _ body: ArraySlice<UInt8>, types: [FeatureType]
    ) throws(HeadwaterError) -> (rows: Int, columns: [Column], statuses: [StatusColumn]) {
        var reader = PartReader(bytes: body)
        let header = try reader.take(headerBytes)
        let rows = Int(header.littleEndian(at: 8, as: UInt32.self))
        var statuses: [StatusColumn] = []
        if header.littleEndian(at: 12, as: UInt32.self) & statusesFlag != 0 {
            let bytes = (rows + 3) / 4
            let packed = try reader.take(bytes * types.count)
            for index in types.indices {
                statuses.append(try StatusColumn(packed: packed.part(at: index * bytes, count: bytes), count: rows))
            }
        }
        var columns: [Column] = []
        for type in types { columns.append(try reader.column(type, rows)) }
        return (rows, columns, statuses)
    }
}

/// Takes parts off a body, each with the zeros behind it.
private struct PartReader {
    let bytes: ArraySlice<UInt8>
    var at = 0

    init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    mutating func take(_ count: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
        guard count >= 0, at + count <= bytes.count else { throw HeadwaterError(.internal, "a packed reply is cut off") }
        defer { at = min((at + count + 7) / 8 * 8, bytes.count) }
        return bytes.part(at: at, count: count)
    }

    mutating func column(_ type: FeatureType, _ rows: Int) throws(HeadwaterError) -> Column {
        if case .array(let element) = type { return try array(element, rows) }
        let offsets = type.isText ? try take((rows + 1) * 4) : []
        let data = try take(dataBytes(type, rows, offsets))
        return Column(type: type, count: rows, nullCount: 0, offsets: offsets, data: data)
    }

    private mutating func array(_ element: FeatureType, _ rows: Int) throws(HeadwaterError) -> Column {
        let offsets = try take((rows + 1) * 4)
        let elements = Int(offsets.littleEndian(at: rows * 4, as: UInt32.self))
        let nulls: UInt64 = try take(8).littleEndian(at: 0)
        let validity = nulls > 0 ? try take((elements + 7) / 8) : []
        let elementOffsets = element.isText ? try take((elements + 1) * 4) : []
        let data = try take(dataBytes(element, elements, elementOffsets))
        return Column(
            type: .array(element), count: rows, nullCount: 0, offsets: offsets, elementValidity: validity,
            elementOffsets: elementOffsets, data: data)
    }

    private func dataBytes(_ type: FeatureType, _ count: Int, _ offsets: ArraySlice<UInt8>) -> Int {
        if type.isText { return Int(offsets.littleEndian(at: count * 4, as: UInt32.self)) }
        return type.fixedWidth.map { $0 * count } ?? (count + 7) / 8
    }
}
