internal import FeatureModel

/// A column that rows have besides those that order them.
enum RowColumn: Hashable, Sendable {
    case availableTime
    /// A feature, by its ordinal.
    case feature(Int)
}

/// A source of cells in columns: a block of a chunk, or a part of a memory run.
enum CellSource: Sendable {
    case chunk(ChunkFile, ChunkLayout, block: Int)
    case part(MemoryPart)

    /// Copies the cells at `rows` to `places` of the target; null where this source does not have the column.
    ///
    /// - Throws: `.dataLoss` where the chunk is damaged, `.failedPrecondition` where a cell does not fit a narrower target.
    func copy(
        _ column: RowColumn, rows: ArraySlice<Int32>, to target: CellTarget, places: ArraySlice<Int32>
    ) throws(HeadwaterError) {
        switch self {
        case .chunk(let chunk, let layout, let block):
            let page =
                switch column {
                case .availableTime: layout.page(of: .availableTime)
                case .feature(let ordinal): layout.page(ofFeature: ordinal)
                }
            guard let page else { return target.storeNulls(places) }
            try PageCells.copy(
                try chunk.page(page, layout, block: block), type: layout.pageTypes[page], from: chunk.bytes, rows: rows,
                to: target,
                places: places)
        case .part(let part):
            let ordinal: Int? =
                switch column {
                case .availableTime: part.entry.schema.availableTimeOrdinal
                case .feature(let ordinal): ordinal
                }
            guard part.entry.operation == .write, let ordinal, let cells = part.entry.batch.column(ordinal: ordinal) else {
                return target.storeNulls(places)
            }
            try PageCells.copy(cells, rows: rows, to: target, places: places)
        }
    }
}
