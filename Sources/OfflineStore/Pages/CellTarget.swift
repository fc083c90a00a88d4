internal import FeatureModel
internal import Synchronization

/// Cells of a column that are written in any order, also by several threads, each to places that are its own.
///
/// Numbers and vectors go straight to where the finished column has them; texts and arrays, whose place in the column is known
/// only when all are there, gather in pieces. Valid while `CellTarget.fill` runs.
@safe
struct CellTarget: @unchecked Sendable {
    // Sendable: the buffers live as long as `fill`, threads write to
    // places of their own, and what they share has a lock or is atomic.

    /// Texts or arrays, and the places of the target that they belong to.
    struct Piece: Sendable {
        let places: [Int32]
        let column: Column
    }

    /// The buffers that all copies of a target share.
    final class Shared: Sendable {
        let pieces = Mutex<[Piece]>([])
        /// Whether a cell was made null.
        let hasNulls = Atomic<Bool>(false)
    }

    let type: FeatureType
    let count: Int
    /// Bytes of a cell in `data`: one for bool; zero where cells gather in pieces.
    let width: Int
    private let data: UnsafeMutableRawBufferPointer
    /// 1 = null.
    private let nulls: UnsafeMutableBufferPointer<UInt8>
    private let shared = Shared()

    private init(
        _ type: FeatureType, count: Int, data: UnsafeMutableRawBufferPointer, nulls: UnsafeMutableBufferPointer<UInt8>
    ) {
        self.type = type
        self.count = count
        width = Self.width(type)
        unsafe self.data = data
        unsafe self.nulls = nulls
    }

    private static func width(_ type: FeatureType) -> Int { type == .bool ? 1 : type.fixedWidth ?? 0 }

    // MARK: Writing

    /// Writes 8-byte words, or their lower 4 bytes, at `places`; for columns of numbers.
    @inline(__always)
    func store(_ places: ArraySlice<Int32>, _ word: (Int) -> Int64) {
        check(places)
        // Every place lies inside `data` by the check, whose cells have `width` bytes.
        if width == 8 {
            for index in places.indices {
                unsafe data.storeBytes(of: word(index).littleEndian, toByteOffset: Int(places[index]) &* 8, as: Int64.self)
            }
        } else {
            precondition(width == 4)
            for index in places.indices {
                unsafe data.storeBytes(
                    of: Int32(truncatingIfNeeded: word(index)).littleEndian, toByteOffset: Int(places[index]) &* 4, as: Int32.self
                )
            }
        }
    }

    /// Copies cells of the target's width from `cells`, which holds them from its start on.
    func store(_ places: ArraySlice<Int32>, from cells: RawSpan, rows: ArraySlice<Int32>) {
        check(places)
        let bounds = Self.bounds(rows)
        precondition(places.count == rows.count && bounds.least >= 0 && (Int(bounds.greatest) + 1) * width <= cells.byteCount)
        // Both sides lie in their buffers by the checks; there are as many places as rows.
        unsafe cells.withUnsafeBytes { cells in
            unsafe places.withUnsafeBufferPointer { places in
                unsafe rows.withUnsafeBufferPointer { rows in
                    switch width {
                    case 8:
                        for index in 0..<rows.count {
                            let cell = unsafe cells.loadUnaligned(fromByteOffset: Int(rows[index]) &* 8, as: UInt64.self)
                            unsafe data.storeBytes(of: cell, toByteOffset: Int(places[index]) &* 8, as: UInt64.self)
                        }
                    case 4:
                        for index in 0..<rows.count {
                            let cell = unsafe cells.loadUnaligned(fromByteOffset: Int(rows[index]) &* 4, as: UInt32.self)
                            unsafe data.storeBytes(of: cell, toByteOffset: Int(places[index]) &* 4, as: UInt32.self)
                        }
                    default:
                        for index in 0..<rows.count {
                            unsafe (data.baseAddress! + Int(places[index]) * width).copyMemory(
                                from: cells.baseAddress! + Int(rows[index]) * width, byteCount: width)
                        }
                    }
                }
            }
        }
    }

    func store(_ places: ArraySlice<Int32>, bool: (Int) -> Bool) {
        check(places)
        precondition(type == .bool)
        // In bounds by the check; a bool takes one byte here.
        for index in places.indices { unsafe data[Int(places[index])] = bool(index) ? 1 : 0 }
    }

    /// Gathers texts or arrays.
    func store(_ places: ArraySlice<Int32>, piece column: Column) {
        check(places)
        precondition(places.count == column.count && column.type == type && width == 0)
        shared.pieces.withLock { $0.append(Piece(places: Array(places), column: column)) }
    }

    /// Makes a cell null; whether something was written there before or after does not matter.
    func storeNull(_ place: Int32) {
        precondition(place >= 0 && Int(place) < count)
        // In bounds by the precondition.
        unsafe nulls[Int(place)] = 1
        if !hasNulls { shared.hasNulls.store(true, ordering: .relaxed) }
    }

    func storeNulls(_ places: ArraySlice<Int32>) { for place in places { storeNull(place) } }

    private func check(_ places: ArraySlice<Int32>) {
        let bounds = Self.bounds(places)
        precondition(bounds.least >= 0 && Int(bounds.greatest) < count, "a place outside the column")
    }

    private static func bounds(_ numbers: ArraySlice<Int32>) -> (least: Int32, greatest: Int32) {
        var least: Int32 = 0
        var greatest: Int32 = -1
        for number in numbers {
            least = min(least, number)
            greatest = max(greatest, number)
        }
        return (least, greatest)
    }

    // MARK: Filling

    /// Makes columns of `count` cells each: lends their targets to `body`, then finishes them.
    ///
    /// Every place that `body` does not write must be made null.
    static func fill(
        _ types: [FeatureType], count: Int, _ body: ([CellTarget]) throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> [Column] {
        var columns: [Column] = []
        var failure: HeadwaterError?
        fill(types[...], count: count, [], &columns) { (targets) in
            do throws(HeadwaterError) { try body(targets) } catch { failure = error }
        }
        if let failure { throw failure }
        return columns.reversed()
    }

    /// Takes the memory of one column after the other, each inside the one before, so that every buffer is the array that the
    /// column then has; runs `body` in the innermost.
    private static func fill(
        _ types: ArraySlice<FeatureType>, count: Int, _ targets: [CellTarget], _ columns: inout [Column],
        _ body: ([CellTarget]) -> Void
    ) {
        guard let type = types.first else { return body(targets) }
        var target: CellTarget?
        // The array's whole buffer is written: cells by `body`, the others by `finish`.
        let data = unsafe [UInt8](unsafeUninitializedCapacity: count * width(type)) { data, written in
            let nulls = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count)
            unsafe nulls.initialize(repeating: 0)
            let cells = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(data)[..<(count * width(type))])
            let made = unsafe CellTarget(type, count: count, data: cells, nulls: nulls)
            target = made
            fill(types.dropFirst(), count: count, targets + [made], &columns, body)
            made.zeroNulls()
            written = count * width(type)
        }
        columns.append(target!.finish(data))
        unsafe target!.nulls.deallocate()
    }

    private func zeroNulls() {
        if width == 0 || !hasNulls { return }
        // In bounds: `nulls` has a byte for each cell of `data`.
        for place in 0..<count where unsafe nulls[place] != 0 {
            unsafe (data.baseAddress! + place * width).initializeMemory(as: UInt8.self, repeating: 0, count: width)
        }
    }

    private func finish(_ cells: [UInt8]) -> Column {
        if width == 0 { return gathered() }
        let (validity, nullCount) = validity()
        let data = type == .bool ? [UInt8](bits: count) { cells[$0] != 0 } : cells
        return Column(type: type, count: count, nullCount: nullCount, validity: validity[...], data: data[...])
    }

    /// Read when all threads have written.
    private var hasNulls: Bool { shared.hasNulls.load(ordering: .relaxed) }

    private func validity() -> (bits: [UInt8], nullCount: Int) {
        if !hasNulls { return ([], 0) }
        // In bounds: `nulls` has a byte for each cell.
        var nullCount = 0
        for place in 0..<count { unsafe nullCount += Int(nulls[place]) }
        return ([UInt8](bits: count) { unsafe nulls[$0] == 0 }, nullCount)
    }

    /// The pieces' cells at their places.
    private func gathered() -> Column {
        let pieces = shared.pieces.withLock { $0 }
        var pieceOf = [Int32](repeating: -1, count: count)
        var rowOf = [Int32](repeating: 0, count: count)
        for (number, piece) in pieces.enumerated() {
            for (row, place) in piece.places.enumerated() {
                pieceOf[Int(place)] = Int32(number)
                rowOf[Int(place)] = Int32(row)
            }
        }
        let elements = pieces.map { piece in if case .array = type { piece.column.elementsForCopying } else { piece.column } }
        var builder = ColumnBuilder(type, capacity: count)
        for place in 0..<count {
            guard unsafe nulls[place] == 0, pieceOf[place] >= 0 else {
                builder.appendNull()
                continue
            }
            let number = Int(pieceOf[place])
            if case .array = type {
                builder.append(arrayFrom: pieces[number].column, elements: elements[number], Int(rowOf[place]))
            } else {
                builder.append(from: pieces[number].column, Int(rowOf[place]))
            }
        }
        return builder.finish()
    }
}
