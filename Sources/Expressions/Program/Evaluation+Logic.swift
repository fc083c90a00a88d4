import FeatureModel

/// Comparisons, truth and choices.
extension Evaluation {
    func compare(_ comparison: Comparison, _ kind: LaneKind, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        switch kind {
        case .integers:
            let (x, y) = (registers[inputs[0]].integers, registers[inputs[1]].integers)
            decide(comparison, count, &out, less: { x[$0] < y[$0] }, equal: { x[$0] == y[$0] })
        case .floats:
            let (x, y) = (registers[inputs[0]].floats, registers[inputs[1]].floats)
            decide(comparison, count, &out, less: { FloatOrder.less(x[$0], y[$0]) }, equal: { FloatOrder.equal(x[$0], y[$0]) })
        case .bools:
            let (x, y) = (registers[inputs[0]].bools, registers[inputs[1]].bools)
            decide(comparison, count, &out, less: { !x[$0] && y[$0] }, equal: { x[$0] == y[$0] })
        case .texts:
            let (x, y) = (registers[inputs[0]].texts, registers[inputs[1]].texts)
            decide(comparison, count, &out, less: { x[$0].lexicographicallyPrecedes(y[$0]) }, equal: { x[$0] == y[$0] })
        case .lists, .vectors: preconditionFailure("lists and vectors are not compared")
        }
    }

    func compareMixed(_ comparison: Comparison, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let (x, y) = (registers[inputs[0]].integers, registers[inputs[1]].floats)
        decide(
            comparison, count, &out, less: { FloatOrder.compare(x[$0], y[$0]) < 0 },
            equal: { FloatOrder.compare(x[$0], y[$0]) == 0 })
    }

    @inline(__always)
    private func decide(
        _ comparison: Comparison, _ count: Int, _ out: inout Lanes, less: (Int) -> Bool, equal: (Int) -> Bool
    ) {
        switch comparison {
        case .equal: for row in 0..<count { out.bools[row] = equal(row) }
        case .notEqual: for row in 0..<count { out.bools[row] = !equal(row) }
        case .less: for row in 0..<count { out.bools[row] = less(row) }
        case .lessOrEqual: for row in 0..<count { out.bools[row] = less(row) || equal(row) }
        case .greater: for row in 0..<count { out.bools[row] = !less(row) && !equal(row) }
        case .greaterOrEqual: for row in 0..<count { out.bools[row] = !less(row) }
        }
    }

    /// In three values: what a null stands for is only unknown where it would matter.
    func run(_ logic: Logic, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        let (x, hasX) = (registers[inputs[0]].bools, registers[inputs[0]].valid)
        switch logic {
        case .not: for row in 0..<count { (out.valid[row], out.bools[row]) = (hasX[row], !x[row]) }
        case .and, .or:
            let (y, hasY) = (registers[inputs[1]].bools, registers[inputs[1]].valid)
            let decides = logic == .or
            for row in 0..<count {
                let isDecided = (hasX[row] && x[row] == decides) || (hasY[row] && y[row] == decides)
                out.valid[row] = isDecided || (hasX[row] && hasY[row])
                out.bools[row] = isDecided ? decides : !decides
            }
        }
    }

    func select(_ kind: LaneKind, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        let condition = registers[inputs[0]]
        let (first, second) = (registers[inputs[1]], registers[inputs[2]])
        for row in 0..<count {
            let isFirst = condition.valid[row] && condition.bools[row]
            out.valid[row] = isFirst ? first.valid[row] : second.valid[row]
            switch kind {
            case .integers: out.integers[row] = isFirst ? first.integers[row] : second.integers[row]
            case .floats: out.floats[row] = isFirst ? first.floats[row] : second.floats[row]
            case .bools: out.bools[row] = isFirst ? first.bools[row] : second.bools[row]
            case .texts: out.texts[row] = isFirst ? first.texts[row] : second.texts[row]
            case .lists: out.lists[row] = isFirst ? first.lists[row] : second.lists[row]
            case .vectors: out.vectors[row] = isFirst ? first.vectors[row] : second.vectors[row]
            }
        }
    }

    func pick(
        _ kind: LaneKind, greatest: Bool, keepsNulls: Bool, _ inputs: [Int], _ count: Int, _ out: inout Lanes
    ) {
        let (first, second) = (registers[inputs[0]], registers[inputs[1]])
        /// Whether the second is the one to take.
        func isBetter(_ row: Int) -> Bool {
            switch kind {
            case .integers:
                return greatest ? first.integers[row] < second.integers[row] : second.integers[row] < first.integers[row]
            case .floats:
                let (x, y) = (first.floats[row], second.floats[row])
                return greatest ? FloatOrder.strictlyLess(x, y) : FloatOrder.strictlyLess(y, x)
            case .bools: return greatest ? !first.bools[row] && second.bools[row] : first.bools[row] && !second.bools[row]
            case .texts:
                let (x, y) = (first.texts[row], second.texts[row])
                return greatest ? x.lexicographicallyPrecedes(y) : y.lexicographicallyPrecedes(x)
            case .lists, .vectors: preconditionFailure("lists and vectors have no order")
            }
        }
        for row in 0..<count {
            let both = first.valid[row] && second.valid[row]
            out.valid[row] = both || (!keepsNulls && (first.valid[row] || second.valid[row]))
            let isSecond = both ? isBetter(row) : second.valid[row]
            switch kind {
            case .integers: out.integers[row] = isSecond ? second.integers[row] : first.integers[row]
            case .floats: out.floats[row] = isSecond ? second.floats[row] : first.floats[row]
            case .bools: out.bools[row] = isSecond ? second.bools[row] : first.bools[row]
            case .texts: out.texts[row] = isSecond ? second.texts[row] : first.texts[row]
            case .lists, .vectors: preconditionFailure("lists and vectors have no order")
            }
        }
    }
}
