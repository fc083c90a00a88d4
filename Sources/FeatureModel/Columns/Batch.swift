/// Rows in columns, as one run of bytes: the body of a write, of a log record, of a get's reply and of a history stream.
///
/// The format is docs/formats/batch.md. A decoded batch keeps the bytes it came from and shares them with its columns,
/// so what a client sent is what the log stores.
public struct Batch: Sendable {
    public static let magic: UInt32 = 0x3142_5748  // "HWB1"
    public static let version: UInt16 = 1
    public static let headerBytes = 64
    public static let columnEntryBytes = 64
    public static let alignment = 64

    private static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    /// The whole batch encoded; `nil` where the columns came in another form.
    private let encoded: ArraySlice<UInt8>?
    public let rowCount: Int
    /// Columns by rising ordinal; ordinals mean what the carrier says (a group's schema, a reply's feature list).
    public let ordinals: [Int]
    public let columns: [Column]

    /// The whole batch encoded.
    ///
    /// - Complexity: O(1) for a batch that was made or decoded in this form, else O(bytes).
    public var bytes: ArraySlice<UInt8> {
        encoded ?? Batch(rowCount: rowCount, columns: zip(ordinals, columns).map { ($0, $1) }).bytes
    }

    /// About how many bytes the columns and what they came in keep in memory.
    public var byteCount: Int {
        // A batch has as many bytes for each column as its own memory takes; a compact body has few.
        encoded?.count ?? columns.reduce(0) { $0 + $1.byteCount + ($1.others == nil ? 80 : 288) }
    }

    /// Wraps columns of `rowCount` cells, by rising ordinal, that are known to be well formed; nothing is encoded.
    package init(rowCount: Int, ordinals: [Int], checked columns: [Column]) {
        encoded = nil
        self.rowCount = rowCount
        self.ordinals = ordinals
        self.columns = columns
    }

    /// The column with this ordinal; `nil` where the batch has none.
    public func column(ordinal: Int) -> Column? {
        // Batches usually hold all columns, so the ordinal is its own index.
        if ordinal < ordinals.count, ordinals[ordinal] == ordinal { return columns[ordinal] }
        return ordinals.firstIndex(of: ordinal).map { columns[$0] }
    }

    /// Encodes columns of equal length.
    ///
    /// - Parameter columns: (ordinal, column), by rising ordinal.
    public init(rowCount: Int, columns: [(ordinal: Int, column: Column)]) {
        var bytes: [UInt8] = []
        let directory = Self.headerBytes + columns.count * Self.columnEntryBytes
        var total = directory
        for (_, column) in columns {
            for buffer in column.buffers { total += Self.aligned(buffer.count) }
        }
        bytes.reserveCapacity(total)
        bytes.append(littleEndian: Self.magic)
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt16(columns.count))
        bytes.append(littleEndian: UInt32(rowCount))
        bytes.append(littleEndian: UInt32(total))
        bytes.pad(to: Self.headerBytes)
        var position = directory
        var previous = -1
        for (ordinal, column) in columns {
            precondition(column.count == rowCount && ordinal > previous, "columns of one length, by rising ordinal")
            previous = ordinal
            bytes.append(littleEndian: UInt32(ordinal))
            column.type.appendDescriptor(to: &bytes)
            bytes.append(littleEndian: UInt32(column.nullCount))
            for buffer in column.buffers {
                bytes.append(littleEndian: UInt32(buffer.isEmpty ? 0 : position))
                bytes.append(littleEndian: UInt32(buffer.count))
                position += Self.aligned(buffer.count)
            }
            bytes.append(littleEndian: UInt64(0))
        }
        for (_, column) in columns {
            for buffer in column.buffers where !buffer.isEmpty {
                bytes.append(contentsOf: buffer)
                bytes.pad(to: Self.alignment)
            }
        }
        precondition(bytes.count == total && total <= Limits.batchBytesMax)
        encoded = bytes[...]
        self.rowCount = rowCount
        ordinals = columns.map(\.ordinal)
        self.columns = columns.map(\.column)
    }

    /// Decodes and checks bytes from outside: after this every access is in bounds and every string is UTF-8.
    ///
    /// - Complexity: O(bytes).
    /// - Throws: `.invalidArgument` that says what is malformed, `.unimplemented` for a newer version or type.
    public init(decoding bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        func malformed(_ what: String) -> HeadwaterError { HeadwaterError(.invalidArgument, "malformed batch: \(what)") }
        guard bytes.count >= Self.headerBytes, bytes.littleEndian(at: 0, as: UInt32.self) == Self.magic else {
            throw malformed("it does not start with a batch header")
        }
        let version: UInt16 = bytes.littleEndian(at: 4)
        guard version == Self.version else {
            throw HeadwaterError(.unimplemented, "batch version \(version); this version reads \(Self.version)")
        }
        let columnCount = Int(bytes.littleEndian(at: 6, as: UInt16.self))
        let rowCount = Int(bytes.littleEndian(at: 8, as: UInt32.self))
        let directory = Self.headerBytes + columnCount * Self.columnEntryBytes
        guard Int(bytes.littleEndian(at: 12, as: UInt32.self)) == bytes.count, bytes.count % Self.alignment == 0,
            directory <= bytes.count
        else {
            throw malformed("its length is not the one it states")
        }
        guard rowCount <= Limits.batchRowsMax else { throw malformed("\(rowCount) rows; the limit is \(Limits.batchRowsMax)") }
        var ordinals: [Int] = []
        var columns: [Column] = []
        ordinals.reserveCapacity(columnCount)
        columns.reserveCapacity(columnCount)
        // Buffers follow each other: bytes shared by many columns would cost more to check than they took to send.
        var end = directory
        for index in 0..<columnCount {
            let entry = Self.headerBytes + index * Self.columnEntryBytes
            let ordinal = Int(bytes.littleEndian(at: entry, as: UInt32.self))
            guard ordinal > ordinals.last ?? -1 else { throw malformed("columns are not by rising ordinal") }
            let type = try FeatureType(descriptorIn: bytes, at: entry + 4)
            let nullCount = Int(bytes.littleEndian(at: entry + 12, as: UInt32.self))
            func buffer(_ slot: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
                let offset = Int(bytes.littleEndian(at: entry + 16 + slot * 8, as: UInt32.self))
                let length = Int(bytes.littleEndian(at: entry + 20 + slot * 8, as: UInt32.self))
                if length == 0 { return [] }
                guard offset >= end, offset % Self.alignment == 0, offset + length <= bytes.count else {
                    throw malformed("a buffer lies outside the batch, over another one, or is not aligned")
                }
                end = offset + length
                return bytes.part(at: offset, count: length)
            }
            do {
                // Most columns are of fixed width without nulls: their one buffer needs no more than the right length.
                if nullCount == 0, Self.hasDataAlone(bytes, entry), let width = type.fixedWidth,
                    Int(bytes.littleEndian(at: entry + 52, as: UInt32.self)) == rowCount * width
                {
                    columns.append(Column(type: type, count: rowCount, nullCount: 0, data: try buffer(4)))
                } else {
                    // Buffers are looked at in their order.
                    columns.append(
                        try Column.checked(
                            type: type, count: rowCount, nullCount: nullCount, validity: try buffer(0),
                            offsets: try buffer(1), elementValidity: try buffer(2), elementOffsets: try buffer(3),
                            data: try buffer(4)))
                }
            } catch {
                throw error.located(at: "column \(ordinal)")
            }
            ordinals.append(ordinal)
        }
        encoded = bytes
        self.rowCount = rowCount
        self.ordinals = ordinals
        self.columns = columns
    }

    /// Whether the directory entry at `entry` names no buffer but the data.
    private static func hasDataAlone(_ bytes: ArraySlice<UInt8>, _ entry: Int) -> Bool {
        (0..<4).allSatisfy { bytes.littleEndian(at: entry + 20 + $0 * 8, as: UInt32.self) == 0 }
    }
}
