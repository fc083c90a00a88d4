internal import FeatureModel

/// How a page's buffers are stored before compression. Codes are permanent.
enum PageEncoding: UInt8 {
    case plain = 0
    /// 64-bit data and all offsets as wrapping differences.
    case delta = 1

    init(for type: FeatureType) {
        switch type {
        case .int64, .timestamp, .string, .bytes, .array: self = .delta
        default: self = .plain
        }
    }
}

/// Least and greatest cell of a page.
enum PageBounds: Hashable, Sendable {
    case none
    case integer(Int64, Int64)
    case float(Double, Double)
}

/// One page in a chunk's directory.
struct PageEntry: Hashable, Sendable {
    var offset: Int
    let storedBytes: Int
    let rawBytes: Int
    let checksum: UInt32
    let cellCount: Int
    let nullCount: Int
    let encoding: UInt8
    let isCompressed: Bool
    let bounds: PageBounds
}

/// Columns to pages and back (docs/formats/chunk.md).
enum PageCodec {
    static let lengthsBytes = 20

    /// Encodes a column; the entry's offset is for the caller to set.
    static func encode(_ column: Column) -> (bytes: [UInt8], entry: PageEntry) {
        let encoding = PageEncoding(for: column.type)
        var raw: [UInt8] = []
        raw.reserveCapacity(lengthsBytes + column.byteCount)
        for buffer in column.buffers { raw.append(littleEndian: UInt32(buffer.count)) }
        for (index, buffer) in column.buffers.enumerated() {
            switch differences(encoding, buffer: index, type: column.type) {
            case .none: raw.append(contentsOf: buffer)
            case .words32: appendDifferences(of: buffer, as: UInt32.self, to: &raw)
            case .words64: appendDifferences(of: buffer, as: UInt64.self, to: &raw)
            }
        }
        let compressed = LZ4.compress(raw)
        let stored = compressed ?? raw
        let entry = PageEntry(
            offset: 0, storedBytes: stored.count, rawBytes: raw.count, checksum: CRC32C.checksum(stored), cellCount: column.count,
            nullCount: column.nullCount, encoding: encoding.rawValue, isCompressed: compressed != nil, bounds: bounds(of: column))
        return (stored, entry)
    }

    /// Reads, checks and decodes one page.
    ///
    /// - Throws: `.dataLoss` or `.unimplemented`, located at the page.
    static func decode(_ entry: PageEntry, type: FeatureType, from file: ChunkBytes) throws(HeadwaterError) -> Column {
        guard let encoding = PageEncoding(rawValue: entry.encoding) else {
            throw HeadwaterError(
                .unimplemented, "page encoding \(entry.encoding) is not known to this version", at: "\(file.path):\(entry.offset)"
            )
        }
        let raw = try file.withBytes(at: entry.offset, count: entry.storedBytes) { span throws(HeadwaterError) -> [UInt8] in
            guard CRC32C.checksum(span) == entry.checksum else {
                throw file.damage("a page's checksum does not match", at: entry.offset)
            }
            if !entry.isCompressed {
                guard entry.rawBytes == entry.storedBytes else { throw file.damage("a page's lengths differ", at: entry.offset) }
                return try file.bytes(at: entry.offset, count: entry.storedBytes)
            }
            guard let raw = LZ4.decompress(span, rawCount: entry.rawBytes) else {
                throw file.damage("a page does not decompress to \(entry.rawBytes) bytes", at: entry.offset)
            }
            return raw
        }
        do { return try column(raw, entry: entry, encoding: encoding, type: type) } catch {
            throw file.damage(error.message, at: entry.offset)
        }
    }

    private static func column(
        _ raw: [UInt8], entry: PageEntry, encoding: PageEncoding, type: FeatureType
    ) throws(HeadwaterError) -> Column {
        let all = raw[...]
        guard all.count >= lengthsBytes else { throw HeadwaterError(.dataLoss, "a page without its lengths") }
        var at = lengthsBytes
        var buffers: [ArraySlice<UInt8>] = []
        for index in 0..<5 {
            let length = Int(all.littleEndian(at: index * 4, as: UInt32.self))
            guard length <= all.count - at else { throw HeadwaterError(.dataLoss, "a buffer leaves its page") }
            let buffer = all.part(at: at, count: length)
            switch differences(encoding, buffer: index, type: type) {
            case .none: buffers.append(buffer)
            case .words32: buffers.append(try sums(of: buffer, as: UInt32.self)[...])
            case .words64: buffers.append(try sums(of: buffer, as: UInt64.self)[...])
            }
            at += length
        }
        guard at == all.count else { throw HeadwaterError(.dataLoss, "a page holds more than its buffers") }
        return try Column.checked(
            type: type, count: entry.cellCount, nullCount: entry.nullCount, validity: buffers[0], offsets: buffers[1],
            elementValidity: buffers[2], elementOffsets: buffers[3], data: buffers[4])
    }

    private enum Differences { case none, words32, words64 }

    private static func differences(_ encoding: PageEncoding, buffer: Int, type: FeatureType) -> Differences {
        guard encoding == .delta else { return .none }
        switch buffer {
        case 1, 3: return .words32
        case 4 where type == .int64 || type == .timestamp: return .words64
        default: return .none
        }
    }

    private static func appendDifferences<Word: FixedWidthInteger & BitwiseCopyable>(
        of buffer: ArraySlice<UInt8>, as type: Word.Type, to bytes: inout [UInt8]
    ) {
        let width = MemoryLayout<Word>.size
        var previous: Word = 0
        for index in 0..<buffer.count / width {
            let word: Word = buffer.littleEndian(at: index * width)
            bytes.append(littleEndian: word &- previous)
            previous = word
        }
    }

    private static func sums<Word: FixedWidthInteger & BitwiseCopyable>(
        of buffer: ArraySlice<UInt8>, as type: Word.Type
    ) throws(HeadwaterError) -> [UInt8] {
        let width = MemoryLayout<Word>.size
        guard buffer.count % width == 0 else { throw HeadwaterError(.dataLoss, "a buffer of differences is cut") }
        var sums: [UInt8] = []
        sums.reserveCapacity(buffer.count)
        var sum: Word = 0
        for index in 0..<buffer.count / width {
            sum &+= buffer.littleEndian(at: index * width, as: Word.self)
            sums.append(littleEndian: sum)
        }
        return sums
    }

    private static func bounds(of column: Column) -> PageBounds {
        switch column.type {
        case .int32: integerBounds(column) { Int64(column.int32($0)) }
        case .int64, .timestamp: integerBounds(column) { column.int64($0) }
        case .float32: floatBounds(column) { Double(column.float32($0)) }
        case .float64: floatBounds(column) { column.float64($0) }
        default: .none
        }
    }

    private static func integerBounds(_ column: Column, _ cell: (Int) -> Int64) -> PageBounds {
        guard column.nullCount < column.count else { return .none }
        var least = Int64.max
        var greatest = Int64.min
        for row in 0..<column.count where !column.isNull(row) {
            let value = cell(row)
            least = min(least, value)
            greatest = max(greatest, value)
        }
        return .integer(least, greatest)
    }

    private static func floatBounds(_ column: Column, _ cell: (Int) -> Double) -> PageBounds {
        var bounds: (least: Double, greatest: Double)?
        for row in 0..<column.count where !column.isNull(row) {
            let value = cell(row)
            if value.isNaN { continue }
            bounds = (Swift.min(bounds?.least ?? value, value), Swift.max(bounds?.greatest ?? value, value))
        }
        return bounds.map { .float($0.least, $0.greatest) } ?? .none
    }
}
