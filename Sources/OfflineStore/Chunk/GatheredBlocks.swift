internal import FeatureModel

/// Rows of some blocks that follow each other, to be encoded in pieces.
///
/// A column of numbers is one piece, through all blocks: many rows then come from the same block
/// of input, whose cells are found at once for them. What may be large, texts, arrays and vectors,
/// is a piece for each block, so that no more than a block's is in memory for each thread.
struct GatheredBlocks: Sendable {
    /// The gathered rows of each block; there is at least one block.
    private let rows: [RowGather]
    /// The range of each block among all rows.
    private let ranges: [Range<Int>]
    private let bounds: [RowBounds]
    private let cells: GatheredCells
    /// The cells of each block by themselves; empty where no column needs them.
    private let cellsOfBlocks: [GatheredCells]
    /// Bits of the rows' positions.
    private let positions: [Int64]
    private let header: ChunkHeader
    private let pieces: [Piece]

    private struct Piece {
        /// In the order of `ChunkHeader.pageTypes`.
        let column: Int
        /// `nil` for all.
        let block: Int?
    }

    /// - Parameter rows: of each block; at least one, none empty.
    init(_ rows: [RowGather], _ header: ChunkHeader) {
        precondition(!rows.isEmpty && rows.allSatisfy { !$0.isEmpty })
        self.rows = rows
        self.header = header
        cells = RowGather.cells(rows)
        positions = cells.positions()
        let systemCount = header.systemColumns.count
        let types = header.pageTypes
        let large = types.indices.filter { $0 >= systemCount && !types[$0].isSmall }
        cellsOfBlocks = large.isEmpty ? [] : rows.map { $0.cells() }
        // The large ones first: what starts last should be short.
        pieces =
            large.flatMap { column in rows.indices.map { Piece(column: column, block: $0) } }
            + types.indices.filter { !large.contains($0) }.reversed().map { Piece(column: $0, block: nil) }
        var end = 0
        ranges = rows.map { block in
            end += block.count
            return end - block.count..<end
        }
        bounds = zip(rows, ranges).map { [positions] in $0.bounds(positions[$1]) }
    }

    /// How many pieces there are to encode.
    var pieceCount: Int { pieces.count }

    /// Encodes a piece.
    ///
    /// - Returns: pages of one column, of all blocks or of one.
    /// - Throws: `.dataLoss` where a chunk that cells come from is damaged.
    func encode(piece number: Int) throws(HeadwaterError) -> [EncodedPage] {
        let piece = pieces[number]
        let system = header.systemColumns
        guard piece.column < system.count else {
            let feature = header.features[piece.column - system.count]
            guard let block = piece.block else { return encode(try cells.column(.feature(feature.ordinal), feature.type)) }
            return [PageCodec.encode(try cellsOfBlocks[block].column(.feature(feature.ordinal), feature.type))]
        }
        switch system[piece.column] {
        case .key: return rows.map { PageCodec.encode($0.keyColumn()) }
        case .keyRows: return rows.map { PageCodec.encode(Column(.int32, numbers: $0.keyRows.map { Int64($0) })) }
        case .eventTime: return rows.map { PageCodec.encode(Column(.timestamp, numbers: $0.eventTimes)) }
        case .availableTime: return encode(try cells.column(.availableTime, .timestamp))
        case .position: return encode(Column(.int64, numbers: positions))
        case .row: return encode(Column(.int32, numbers: cells.rowNumbers().map { Int64(Int32(bitPattern: $0)) }))
        case .operation: return encode(cells.tombstones())
        case .ingestTime: preconditionFailure("records have it since version 2, and version 1 is not written")
        }
    }

    private func encode(_ column: Column) -> [EncodedPage] { ranges.map { PageCodec.encode(column.slice($0)) } }

    /// The blocks, of what all pieces were encoded to, in order.
    func blocks(_ encoded: [[EncodedPage]]) -> [EncodedBlock] {
        precondition(encoded.count == pieceCount)
        var pages = [[EncodedPage?]](repeating: Array(repeating: nil, count: header.pageTypes.count), count: rows.count)
        for (piece, made) in zip(pieces, encoded) {
            for (offset, page) in made.enumerated() { pages[(piece.block ?? 0) + offset][piece.column] = page }
        }
        return rows.indices.map { block in
            EncodedBlock(pages: pages[block].map { $0! }, bounds: bounds[block], positions: positions[ranges[block]])
        }
    }
}

extension FeatureType {
    /// Whether a cell is a number of a few bytes.
    fileprivate var isSmall: Bool { self == .bool || fixedWidth ?? .max <= 8 }
}

extension RowGather {
    /// - Parameter positions: bits of the rows' positions.
    fileprivate func bounds(_ positions: ArraySlice<Int64>) -> RowBounds {
        var bounds = RowBounds(rowCount: count, keyLeast: Array(firstKey), keyGreatest: Array(lastKey))
        for time in eventTimes {
            bounds.eventTimeLeast = min(bounds.eventTimeLeast, time)
            bounds.eventTimeGreatest = max(bounds.eventTimeGreatest, time)
        }
        for position in positions {
            bounds.positionLeast = min(bounds.positionLeast, Position(bitPattern: position))
            bounds.positionGreatest = max(bounds.positionGreatest, Position(bitPattern: position))
        }
        return bounds
    }
}

/// One block of a chunk, ready to be written.
struct EncodedBlock: Sendable {
    /// In the order of `ChunkHeader.pageTypes`.
    let pages: [EncodedPage]
    let bounds: RowBounds
    /// Bits of the rows' positions.
    let positions: ArraySlice<Int64>

    /// The mean bytes of a row in memory.
    var bytesPerRow: Int { pages.reduce(0) { $0 + $1.columnBytes } / max(positions.count, 1) }
}
