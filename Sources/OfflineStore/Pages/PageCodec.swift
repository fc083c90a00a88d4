internal import FeatureModel

/// Columns to pages and back (docs/formats/chunk.md).
///
/// The encoding is chosen by the data: the smallest of each buffer by its codec, and a dictionary; then LZ4 over it, or over the
/// plain buffers, where that saves at least an eighth. Without LZ4 a page of numbers can be read cell by cell (`PageCells`).
enum PageCodec {
    /// Bytes before the buffers of a page: five lengths, five codecs, three zeros.
    static let buffersHeadBytes = 28
    /// Bytes before the content of a dictionary page: counts of distinct cells, of validity bytes and of code bytes.
    static let dictionaryHeadBytes = 12
    private static let sampleBytes = 8 << 10
    /// Larger texts, vectors and arrays of a page are stored as they are, then through LZ4. The
    /// length of a page before LZ4 is what rows are counted by when blocks are merged and read:
    /// cells that repeat would seem small, and thousands of large ones come together in one block.
    private static let packedCellsBytesMax = 8 << 20
    /// Bounds what a few stored bytes can ask for.
    static let cellsMax = Limits.batchBytesMax / 4

    // MARK: Encoding

    /// Encodes a column.
    static func encode(_ column: Column) -> EncodedPage {
        let (encoding, raw, compressed) = smallest(column)
        let stored = compressed ?? raw
        let entry = PageEntry(
            offset: 0, storedBytes: stored.count, rawBytes: raw.count, checksum: CRC32C.checksum(stored), cellCount: column.count,
            nullCount: column.nullCount, encoding: encoding.rawValue, isCompressed: compressed != nil,
            bounds: PageBounds(of: column))
        return EncodedPage(bytes: stored, entry: entry, columnBytes: column.byteCount)
    }

    private static func smallest(_ column: Column) -> (PageEncoding, raw: [UInt8], compressed: [UInt8]?) {
        if column.count > 0, column.nullCount == column.count { return (.nulls, [], nil) }
        let isNumeric = hasPacking(column.type)
        let mayPack = isNumeric || column.byteCount <= packedCellsBytesMax
        let packed = buffers(of: column, packed: mayPack)
        var best = (encoding: PageEncoding.buffers, raw: packed.raw)
        // Codes of a dictionary take bits too: of cells that are small already it saves nothing.
        if mayPack, best.raw.count > 2 * column.count, let dictionary = CellDictionary(column) {
            let raw = page(of: dictionary, column)
            if raw.count < best.raw.count { best = (.dictionary, raw) }
        }
        var compressed = compressed(best.raw, against: best.raw.count, isNumeric)
        // Packing hides repeats of more than one cell from LZ4.
        if packed.isPacked || best.encoding == .dictionary, isNumeric {
            let plain = buffers(of: column, packed: false).raw
            if let candidate = Self.compressed(plain, against: compressed?.count ?? best.raw.count, isNumeric) {
                best = (.buffers, plain)
                compressed = candidate
            }
        }
        return (best.encoding, best.raw, compressed)
    }

    /// A page through LZ4, where that is so much less than `count` bytes that reading through it is worth it.
    private static func compressed(_ raw: [UInt8], against count: Int, _ isNumeric: Bool) -> [UInt8]? {
        // A sample of a numeric page is compressed first: most of them gain nothing, and the sample is then all that LZ4 costs.
        if isNumeric, raw.count >= 4 * sampleBytes {
            let middle = (raw.count - sampleBytes) / 2
            guard let sample = LZ4.compress(raw[middle..<middle + sampleBytes]), sample.count * raw.count < count * sampleBytes
            else { return nil }
        }
        guard let bytes = LZ4.compress(raw[...]), bytes.count < count - count / 8 else { return nil }
        return bytes
    }

    private static func hasPacking(_ type: FeatureType) -> Bool {
        switch type {
        case .int32, .int64, .timestamp, .float32, .float64: true
        default: false
        }
    }

    private static func buffers(of column: Column, packed: Bool) -> (raw: [UInt8], isPacked: Bool) {
        var stored: [(codec: BufferCodec, bytes: ArraySlice<UInt8>)] = column.buffers.map { (.plain, $0) }
        if packed {
            stored[1] = BufferCodec.encode(offsets: column.offsets)
            if case .array = column.type {
                stored[3] = BufferCodec.encode(offsets: column.elementOffsets)
                // Null elements keep their zeros: nobody clears them after decoding.
                let elements = column.elements
                stored[4] = BufferCodec.encode(
                    cells: Column(type: elements.type, count: elements.count, nullCount: 0, data: elements.data))
            } else {
                stored[4] = BufferCodec.encode(cells: column)
            }
        }
        var raw: [UInt8] = []
        raw.reserveCapacity(buffersHeadBytes + stored.reduce(0) { $0 + $1.bytes.count })
        for buffer in stored { raw.append(littleEndian: UInt32(buffer.bytes.count)) }
        for buffer in stored { raw.append(buffer.codec.rawValue) }
        raw.append(contentsOf: [0, 0, 0])
        for buffer in stored { raw += buffer.bytes }
        return (raw, stored.contains { $0.codec != .plain })
    }

    private static func page(of dictionary: CellDictionary, _ column: Column) -> [UInt8] {
        let codes = PackedIntegers.encode(dictionary.codes)
        var raw: [UInt8] = []
        raw.append(littleEndian: UInt32(dictionary.cells.count))
        raw.append(littleEndian: UInt32(column.validity.count))
        raw.append(littleEndian: UInt32(codes.count))
        raw += column.validity
        raw += codes
        raw += buffers(of: dictionary.cells, packed: true).raw
        return raw
    }

    // MARK: Decoding

    /// Reads, checks and decodes one page.
    ///
    /// - Throws: `.dataLoss` or `.unimplemented`, located at the page.
    static func decode(_ entry: PageEntry, type: FeatureType, from file: ChunkBytes) throws(HeadwaterError) -> Column {
        try withRaw(entry, from: file) { (raw, encoding) throws(HeadwaterError) in
            switch encoding {
            case .plain, .delta: try columnOfVersion1(raw, entry: entry, encoding: encoding, type: type)
            case .buffers: try column(raw, type: type, count: entry.cellCount, nullCount: entry.nullCount)
            case .dictionary: try dictionaryColumn(raw, entry: entry, type: type)
            case .nulls: Column.nulls(type, count: entry.cellCount)
            }
        }
    }

    /// Reads a page of integers or times that has no nulls, as numbers.
    ///
    /// - Throws: as `decode`.
    static func decodeIntegers(_ entry: PageEntry, type: FeatureType, from file: ChunkBytes) throws(HeadwaterError) -> [Int64] {
        let packed = try withRaw(entry, from: file) { (raw, encoding) throws(HeadwaterError) -> [Int64]? in
            guard let range = try packedIntegers(raw, encoding, entry) else { return nil }
            let numbers = PackedIntegers.decode(raw.extracting(range), count: entry.cellCount)
            return type == .int32 ? numbers.map { Int64(Int32(truncatingIfNeeded: $0)) } : numbers
        }
        if let packed { return packed }
        let column = try decode(entry, type: type, from: file)
        guard column.nullCount == 0 else { throw file.damage("nulls in a column that has none", at: entry.offset) }
        return column.data.integers(width: type.fixedWidth!)
    }

    /// Lends the numbers of a page of int64 or timestamp cells one by one; `nil` where they are not packed.
    ///
    /// - Throws: as `decode`.
    static func withPackedIntegers<Result>(
        _ entry: PageEntry, from file: ChunkBytes, _ body: ((Int) -> Int64) -> Result
    ) throws(HeadwaterError) -> Result? {
        try withRaw(entry, from: file) { (raw, encoding) throws(HeadwaterError) -> Result? in
            guard let range = try packedIntegers(raw, encoding, entry) else { return nil }
            let bytes = raw.extracting(range)
            var reader = PackedIntegers.Reader(bytes, count: entry.cellCount)
            return body { reader.value($0, bytes) }
        }
    }

    /// The range of a raw page's packed integers, checked; `nil` where it holds others, or nulls.
    private static func packedIntegers(
        _ raw: RawSpan, _ encoding: PageEncoding, _ entry: PageEntry
    ) throws(HeadwaterError) -> Range<Int>? {
        guard encoding == .buffers, entry.nullCount == 0 else { return nil }
        let layout = try layout(raw)
        guard layout[4].codec == .packed64 || layout[4].codec == .packed32, layout[..<4].allSatisfy({ $0.range.isEmpty }) else {
            return nil
        }
        try PackedIntegers.check(raw.extracting(layout[4].range), count: entry.cellCount)
        return layout[4].range
    }

    /// Checks, at its first touch, and decompresses a page and lends its raw bytes.
    ///
    /// - Throws: `.dataLoss` or `.unimplemented`, located at the page, also what `body` throws.
    static func withRaw<Result>(
        _ entry: PageEntry, from file: ChunkBytes, _ body: (RawSpan, PageEncoding) throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        guard let encoding = PageEncoding(rawValue: entry.encoding) else {
            throw HeadwaterError(
                .unimplemented, "page encoding \(entry.encoding) is not known to this version", at: "\(file.path):\(entry.offset)"
            )
        }
        guard entry.cellCount <= cellsMax, encoding != .nulls || entry.nullCount == entry.cellCount && entry.rawBytes == 0 else {
            throw file.damage("a page's counts do not hold", at: entry.offset)
        }
        return try file.withBytes(at: entry.offset, count: entry.storedBytes) { span throws(HeadwaterError) -> Result in
            if !file.checkedPages.contains(entry) {
                guard CRC32C.checksum(span) == entry.checksum else {
                    throw file.damage("a page's checksum does not match", at: entry.offset)
                }
                file.checkedPages.insert(entry)
            }
            func lend(_ raw: RawSpan) throws(HeadwaterError) -> Result {
                do { return try body(raw, encoding) } catch {
                    // An error of the decoders about the bytes is damage; one about the request of a reader is not.
                    guard error.location == nil, error.code != .failedPrecondition else { throw error }
                    throw file.damage(error.message, at: entry.offset)
                }
            }
            if !entry.isCompressed {
                guard entry.rawBytes == entry.storedBytes else { throw file.damage("a page's lengths differ", at: entry.offset) }
                return try lend(span)
            }
            guard let raw = LZ4.decompress(span, rawCount: entry.rawBytes) else {
                throw file.damage("a page does not decompress to \(entry.rawBytes) bytes", at: entry.offset)
            }
            return try raw[...].withBytes { (bytes) throws(HeadwaterError) in try lend(bytes) }
        }
    }

    /// The ranges of the five buffers in a raw page, and their codecs.
    ///
    /// - Throws: `.dataLoss` without a location.
    static func layout(_ raw: RawSpan) throws(HeadwaterError) -> [(codec: BufferCodec, range: Range<Int>)] {
        guard raw.byteCount >= buffersHeadBytes else { throw HeadwaterError(.dataLoss, "a page without its lengths") }
        var at = buffersHeadBytes
        var layout: [(codec: BufferCodec, range: Range<Int>)] = []
        for index in 0..<5 {
            let length = Int(raw.littleEndian(at: index * 4, as: UInt32.self))
            guard length <= raw.byteCount - at else { throw HeadwaterError(.dataLoss, "a buffer leaves its page") }
            let code: UInt8 = raw.littleEndian(at: 20 + index)
            guard let codec = BufferCodec(rawValue: code) else {
                throw HeadwaterError(.dataLoss, "buffer codec \(code) is not known to this version")
            }
            layout.append((codec, at..<at + length))
            at += length
        }
        guard at == raw.byteCount else { throw HeadwaterError(.dataLoss, "a page holds more than its buffers") }
        return layout
    }

    private static func column(_ raw: RawSpan, type: FeatureType, count: Int, nullCount: Int) throws(HeadwaterError) -> Column {
        let layout = try layout(raw)
        func buffer(_ index: Int, _ type: FeatureType?, count: Int) throws(HeadwaterError) -> [UInt8] {
            try layout[index].codec.decode(raw.extracting(layout[index].range), type: type, count: count)
        }
        guard layout[0].codec == .plain, layout[2].codec == .plain else {
            throw HeadwaterError(.dataLoss, "validity bits are stored as they are")
        }
        let offsets = try buffer(1, nil, count: count + 1)
        var cells = (type: type, count: count)
        if case .array(let element) = type {
            guard offsets.count == (count + 1) * 4 else { throw HeadwaterError(.dataLoss, "a page without its offsets") }
            cells = (element, Int(offsets[...].littleEndian(at: count * 4, as: Int32.self)))
            guard (0...cellsMax).contains(cells.count) else { throw HeadwaterError(.dataLoss, "a page of too many elements") }
        }
        let column = try Column.checked(
            type: type, count: count, nullCount: nullCount, validity: try buffer(0, nil, count: 0)[...], offsets: offsets[...],
            elementValidity: try buffer(2, nil, count: 0)[...],
            elementOffsets: try buffer(3, nil, count: cells.count + 1)[...],
            data: try buffer(4, cells.type, count: cells.count)[...])
        return layout[4].codec == .plain || type.fixedWidth == nil ? column : column.clearingNulls(width: type.fixedWidth!)
    }

    private static func dictionaryColumn(_ raw: RawSpan, entry: PageEntry, type: FeatureType) throws(HeadwaterError) -> Column {
        let page = try DictionaryLayout(raw)
        let validity = unsafe raw.extracting(page.validity).withUnsafeBytes { unsafe Array($0) }
        guard entry.nullCount == 0 || validity.count == bitmapBytes(entry.cellCount) else {
            throw HeadwaterError(.dataLoss, "a dictionary page without its validity")
        }
        let distinct = try column(raw.extracting(page.cells), type: type, count: page.distinctCount, nullCount: 0)
        let codesBytes = raw.extracting(page.codes)
        try PackedIntegers.check(codesBytes, count: entry.cellCount)
        let codes = PackedIntegers.decode(codesBytes, count: entry.cellCount)
        var builder = ColumnBuilder(type, capacity: entry.cellCount)
        for (row, code) in codes.enumerated() {
            if entry.nullCount > 0, !validity[...].bit(row) {
                builder.appendNull()
            } else {
                guard code >= 0, code < page.distinctCount else {
                    throw HeadwaterError(.dataLoss, "a code outside its dictionary")
                }
                builder.append(from: distinct, Int(code))
            }
        }
        let column = builder.finish()
        guard column.nullCount == entry.nullCount else { throw HeadwaterError(.dataLoss, "a page has other nulls than stated") }
        return column
    }
}

/// The ranges of a dictionary page's parts.
struct DictionaryLayout {
    let distinctCount: Int
    let validity: Range<Int>
    let codes: Range<Int>
    let cells: Range<Int>

    /// - Throws: `.dataLoss` without a location.
    init(_ raw: RawSpan) throws(HeadwaterError) {
        let head = PageCodec.dictionaryHeadBytes
        guard raw.byteCount >= head else { throw HeadwaterError(.dataLoss, "a dictionary page without its lengths") }
        distinctCount = Int(raw.littleEndian(at: 0, as: UInt32.self))
        let validityBytes = Int(raw.littleEndian(at: 4, as: UInt32.self))
        let codesBytes = Int(raw.littleEndian(at: 8, as: UInt32.self))
        guard distinctCount <= PageCodec.cellsMax, validityBytes + codesBytes <= raw.byteCount - head else {
            throw HeadwaterError(.dataLoss, "a part leaves its page")
        }
        validity = head..<head + validityBytes
        codes = validity.upperBound..<validity.upperBound + codesBytes
        cells = codes.upperBound..<raw.byteCount
    }
}
