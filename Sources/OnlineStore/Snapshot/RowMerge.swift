internal import FeatureModel

/// Walks the rows of one map in hash order.
struct RowCursor {
    private enum Source {
        case memtable(Memtable, position: Position)
        case file(SnapshotFile)
    }

    private let source: Source
    /// Memtable: the next stripe, its rows and the next of them. File: the offset of the next row.
    private var next = 0
    /// File: the offset of the row.
    private(set) var rowOffset = 0
    private var run = StripeRun()
    private var nextInRun = 0
    /// The row the cursor stands at; empty behind the last.
    var row = RowBuffer()

    /// Stands at the first row.
    init(_ memtable: Memtable, at position: Position) {
        source = .memtable(memtable, position: position)
        advance(in: memtable, at: position)
    }

    /// Stands at the first row.
    init(_ file: SnapshotFile) throws(HeadwaterError) {
        source = .file(file)
        next = file.geometry.rowsOffset
        rowOffset = next
        try advance(in: file)
    }

    /// - Throws: `.dataLoss` where the snapshot is damaged.
    mutating func advance() throws(HeadwaterError) {
        switch source {
        case .memtable(let memtable, let position): advance(in: memtable, at: position)
        case .file(let file): try advance(in: file)
        }
    }

    private mutating func advance(in memtable: Memtable, at position: Position) {
        while nextInRun == run.count {
            guard next < Stripes.count else { return row.clear() }
            run = memtable.run(next, at: position)
            nextInRun = 0
            next += 1
        }
        run.load(nextInRun, into: &row)
        nextInRun += 1
    }

    private mutating func advance(in file: SnapshotFile) throws(HeadwaterError) {
        rowOffset = next
        guard next < file.geometry.rowsEnd else { return row.clear() }
        next = try file.load(at: next, into: &row)
    }
}

/// Merges maps in hash order: for each key the row of the greatest order.
struct RowMerge {
    /// Newest map first: at equal orders its row wins.
    private var cursors: [RowCursor] = []
    /// Cursors that stand at the least key, from the newest map on.
    private var least: [Int] = []

    init(_ maps: MapSet, at position: Position) throws(HeadwaterError) {
        for memtable in [maps.live] + maps.frozen { cursors.append(RowCursor(memtable, at: position)) }
        if let mapped = maps.mapped { cursors.append(try RowCursor(mapped)) }
    }

    /// Moves the latest row of the next key into `row`.
    ///
    /// - Returns: `false` behind the last key.
    /// - Throws: `.dataLoss` where the snapshot is damaged.
    mutating func next(into row: inout RowBuffer) throws(HeadwaterError) -> Bool {
        least.removeAll(keepingCapacity: true)
        for index in cursors.indices where !cursors[index].row.isEmpty {
            guard let first = least.first else {
                least.append(index)
                continue
            }
            let order = cursors[index].row.keyOrder(cursors[first].row)
            if order < 0 { least.removeAll(keepingCapacity: true) }
            if order <= 0 { least.append(index) }
        }
        guard var winner = least.first else { return false }
        for index in least.dropFirst() where cursors[index].row.header.order > cursors[winner].row.header.order { winner = index }
        swap(&row, &cursors[winner].row)
        for index in least { try cursors[index].advance() }
        return true
    }
}
