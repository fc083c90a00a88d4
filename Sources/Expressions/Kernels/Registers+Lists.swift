internal import FeatureModel

extension Registers {
    mutating func run(_ operation: ListOperation, _ kind: CellKind, _ step: Instruction, _ count: Int) {
        switch operation {
        case .length: map(step, count) { UInt64(Heap.range($0).count) }
        case .at: at(step, count)
        case .contains: contains(step, count) { heap, element, wanted in heap.isEqual(kind, element, wanted) }
        case .containsInteger: contains(step, count) { _, element, wanted in Order.compare(wanted.integer, element.float) == 0 }
        case .containsFloat: contains(step, count) { _, element, wanted in Order.compare(element.integer, wanted.float) == 0 }
        case .sum: kind == .integer ? integerSum(step, count) : floatSum(step, count, isMean: false)
        case .mean: kind == .integer ? integerMean(step, count) : floatSum(step, count, isMean: true)
        case .min: heapMap(step, count) { list, _, _, heap, _ in heap.least(kind, list) }
        case .max: heapMap(step, count) { list, _, _, heap, _ in heap.greatest(kind, list) }
        case .distinct: heapMap(step, count) { list, _, _, heap, _ in heap.distinct(kind, list) }
        case .intersect: heapMap(step, count) { left, right, _, heap, _ in heap.intersection(kind, left, right) }
        case .jaccard:
            heapMap(step, count) { left, right, _, heap, nulls in
                if let ratio = heap.jaccard(kind, left, right) { return ratio.bitPattern }
                nulls.add(.divisionByZero)
                return nil
            }
        }
    }

    private mutating func at(_ step: Instruction, _ count: Int) {
        heapMap(step, count) { list, index, _, heap, nulls in
            let range = Heap.range(list)
            let number = index.integer
            guard number != 0, number.magnitude <= UInt64(range.count) else {
                nulls.add(.noElement)
                return nil
            }
            let place = number > 0 ? range.lowerBound + Int(number) - 1 : range.upperBound + Int(number)
            return heap.cellsValid[place] == 1 ? heap.cells[place] : nil
        }
    }

    @inline(__always)
    private mutating func contains(_ step: Instruction, _ count: Int, _ isEqual: (borrowing Heap, UInt64, UInt64) -> Bool) {
        heapMap(step, count) { list, wanted, _, heap, _ in
            for place in Heap.range(list) where heap.cellsValid[place] == 1 {
                if isEqual(heap, heap.cells[place], wanted) { return 1 }
            }
            return 0
        }
    }

    private mutating func integerSum(_ step: Instruction, _ count: Int) {
        heapMap(step, count) { list, _, _, heap, nulls in
            guard let (sum, _) = heap.integerSum(list) else { return nil }
            if let result = sum.int64 { return UInt64(bitPattern: result) }
            nulls.add(.overflow)
            return nil
        }
    }

    private mutating func integerMean(_ step: Instruction, _ count: Int) {
        heapMap(step, count) { list, _, _, heap, _ in
            heap.integerSum(list).map { ($0.sum.rounded / Double($0.count)).bitPattern }
        }
    }

    private mutating func floatSum(_ step: Instruction, _ count: Int, isMean: Bool) {
        heapMap(step, count) { list, _, _, heap, _ in
            var sum = ExactSum()
            var number = 0
            for place in Heap.range(list) where heap.cellsValid[place] == 1 {
                sum.add(heap.cells[place].float)
                number += 1
            }
            if number == 0 { return nil }
            return (isMean ? sum.rounded / Double(number) : sum.rounded).bitPattern
        }
    }
}

// Lists take the elements that are not null; those that `=` holds equal are one.
extension Heap {
    fileprivate func isEqual(_ kind: CellKind, _ left: UInt64, _ right: UInt64) -> Bool {
        switch kind {
        case .integer: left == right
        case .float: Order.equal(left.float, right.float)
        case .text: hasSameText(left, right)
        }
    }

    private func precedes(_ kind: CellKind, _ left: UInt64, _ right: UInt64) -> Bool {
        switch kind {
        case .integer: left.integer < right.integer
        case .float: Order.precedes(left.float, right.float)
        case .text: isText(left, before: right)
        }
    }

    /// `nil` where no element is there.
    fileprivate func integerSum(_ list: UInt64) -> (sum: ExactIntegerSum, count: Int)? {
        var sum = ExactIntegerSum()
        var count = 0
        for place in Heap.range(list) where cellsValid[place] == 1 {
            sum.add(cells[place].integer)
            count += 1
        }
        return count == 0 ? nil : (sum, count)
    }

    fileprivate func least(_ kind: CellKind, _ list: UInt64) -> UInt64? {
        var best: UInt64?
        for place in Heap.range(list) where cellsValid[place] == 1 {
            if best.map({ precedes(kind, cells[place], $0) }) ?? true { best = cells[place] }
        }
        return best
    }

    fileprivate func greatest(_ kind: CellKind, _ list: UInt64) -> UInt64? {
        var best: UInt64?
        for place in Heap.range(list) where cellsValid[place] == 1 {
            if best.map({ precedes(kind, $0, cells[place]) }) ?? true { best = cells[place] }
        }
        return best
    }

    fileprivate mutating func distinct(_ kind: CellKind, _ list: UInt64) -> UInt64 {
        let set = elements(kind, list)
        var marks = Marks(set.count)
        let start = cells.count
        for place in Heap.range(list) where cellsValid[place] == 1 {
            if let index = index(of: cells[place], in: set, kind), marks.mark(index) { cells.append(cells[place]) }
        }
        cellsValid.append(contentsOf: repeatElement(1, count: cells.count - start))
        return Heap.word(start, cells.count - start)
    }

    /// The distinct elements of the first list that stand in the second, too.
    fileprivate mutating func intersection(_ kind: CellKind, _ left: UInt64, _ right: UInt64) -> UInt64 {
        let others = elements(kind, right)
        var marks = Marks(others.count)
        let start = cells.count
        for place in Heap.range(left) where cellsValid[place] == 1 {
            if let index = index(of: cells[place], in: others, kind), marks.mark(index) { cells.append(cells[place]) }
        }
        cellsValid.append(contentsOf: repeatElement(1, count: cells.count - start))
        return Heap.word(start, cells.count - start)
    }

    fileprivate func jaccard(_ kind: CellKind, _ left: UInt64, _ right: UInt64) -> Double? {
        let first = elements(kind, left)
        let second = elements(kind, right)
        var common = 0
        for cell in first where index(of: cell, in: second, kind) != nil { common += 1 }
        let all = first.count + second.count - common
        return all == 0 ? nil : Double(common) / Double(all)
    }

    /// The distinct elements of a list in order: sorted and not hashed, as whoever chooses elements may choose equal hashes.
    ///
    /// - Complexity: O(n log n).
    private func elements(_ kind: CellKind, _ list: UInt64) -> [UInt64] {
        var elements: [UInt64] = []
        for place in Heap.range(list) where cellsValid[place] == 1 { elements.append(cells[place]) }
        elements.sort { precedes(kind, $0, $1) }
        var count = 0
        for cell in elements where count == 0 || !isEqual(kind, elements[count - 1], cell) {
            elements[count] = cell
            count += 1
        }
        elements.removeLast(elements.count - count)
        return elements
    }

    /// Where an equal element stands among distinct ones in order.
    private func index(of cell: UInt64, in elements: [UInt64], _ kind: CellKind) -> Int? {
        var (low, high) = (0, elements.count)
        while low < high {
            let middle = (low + high) / 2
            if isEqual(kind, elements[middle], cell) { return middle }
            if precedes(kind, elements[middle], cell) { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

/// Which of a number of elements were seen.
private struct Marks {
    private var isMarked: [Bool]

    init(_ count: Int) { isMarked = Array(repeating: false, count: count) }

    /// Whether it was not seen before.
    mutating func mark(_ index: Int) -> Bool {
        if isMarked[index] { return false }
        isMarked[index] = true
        return true
    }
}
