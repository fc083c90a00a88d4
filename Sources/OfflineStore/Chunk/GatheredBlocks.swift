internal import FeatureModel

/// Rows of some blocks that follow each other, to be encoded a column at a time.
///
/// Through all blocks: many rows then come from the same block of input, whose cells are decoded and found once for them.
struct GatheredBlocks: Sendable {
    /// Of each block, never none.
    private let rows: [RowGather]
    private let cells: GatheredCells
    /// Bits of the rows' positions.
    private let positions: [Int64]
    private let header: ChunkHeader

    /// - Parameter rows: of each block; at least one, none empty.
    init(_ rows: [RowGather], _ header: ChunkHeader) {
        precondition(!rows.isEmpty && rows.allSatisfy { !$0.isEmpty })
        self.rows = rows
        self.header = header
        cells = RowGather.cells(rows)
        positions = cells.positions()
    }

    var columnCount: Int { header.pageTypes.count }

    /// Encodes a column, by its number in `ChunkHeader.pageTypes`.
    ///
    /// - Returns: the page of each block.
    /// - Throws: `.dataLoss` where a chunk that cells come from is damaged.
    func encode(column number: Int) throws(HeadwaterError) -> [EncodedPage] {
        let system = header.systemColumns
        guard number < system.count else {
            let feature = header.features[number - system.count]
            return encode(try cells.column(.feature(feature.ordinal), feature.type))
        }
        switch system[number] {
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

    /// The rows of each block.
    private var ranges: [Range<Int>] {
        var end = 0
        return rows.map { block in
            end += block.count
            return end - block.count..<end
        }
    }

    /// The blocks, of the pages of all columns in order.
    func blocks(_ columns: [[EncodedPage]]) -> [EncodedBlock] {
        precondition(columns.count == columnCount)
        return zip(rows, ranges).enumerated().map { number, block in
            EncodedBlock(
                pages: columns.map { $0[number] }, bounds: Self.bounds(block.0, positions[block.1]), positions: positions[block.1]
            )
        }
    }

    private static func bounds(_ rows: RowGather, _ positions: ArraySlice<Int64>) -> RowBounds {
        let keys = rows.keyColumn()
        var bounds = RowBounds(
            rowCount: rows.count, keyLeast: Array(keys.bytes(0)), keyGreatest: Array(keys.bytes(keys.count - 1)))
        for time in rows.eventTimes {
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
}
