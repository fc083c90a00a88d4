import FeatureModel

/// Lists and vectors.
extension Evaluation {
    func run(_ function: VectorFunction, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let x = registers[inputs[0]].vectors
        let y = inputs.count > 1 ? registers[inputs[1]].vectors : x
        var outside = 0
        for row in 0..<count where out.valid[row] {
            switch function {
            case .dot: out.floats[row] = VectorFunctions.dot(x[row], y[row])
            case .norm: out.floats[row] = VectorFunctions.dot(x[row], x[row]).squareRoot()
            case .distance: out.floats[row] = VectorFunctions.squaredDistance(x[row], y[row]).squareRoot()
            case .cosine:
                let lengths = VectorFunctions.dot(x[row], x[row]).squareRoot() * VectorFunctions.dot(y[row], y[row]).squareRoot()
                if lengths == 0 {
                    out.valid[row] = false
                    outside += 1
                } else {
                    out.floats[row] = VectorFunctions.dot(x[row], y[row]) / lengths
                }
            }
        }
        add(.domain, outside)
    }

    func run(_ function: ListFunction, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let lists = registers[inputs[0]].lists
        var (absent, overflows) = (0, 0)
        for row in 0..<count where out.valid[row] {
            let list = lists[row]
            switch function {
            case .length: out.integers[row] = Int64(list.count)
            case .contains:
                let wanted = ListElement(registers[inputs[1]].value(row, as: type(of: inputs[1])))
                out.bools[row] = list.contains { ListElement($0) == wanted }
            case .at:
                let place = registers[inputs[1]].integers[row]
                let index = place > 0 ? place - 1 : place < 0 && place >= -Int64(list.count) ? Int64(list.count) + place : -1
                if index >= 0, index < list.count, !list[Int(index)].isNull {
                    out.set(row, list[Int(index)])
                } else {
                    out.valid[row] = false
                    absent += 1
                }
            case .sum, .mean:
                switch ListFunctions.sum(list, mean: function == .mean) {
                case .value(let value): out.set(row, value)
                case .empty: out.valid[row] = false
                case .overflow:
                    out.valid[row] = false
                    overflows += 1
                }
            case .least, .greatest:
                if let value = ListFunctions.extreme(list, greatest: function == .greatest) {
                    out.set(row, value)
                } else {
                    out.valid[row] = false
                }
            case .distinct: out.lists[row] = ListFunctions.distinct(list)
            case .intersection: out.lists[row] = ListFunctions.intersection(list, registers[inputs[1]].lists[row])
            case .jaccard:
                if let share = ListFunctions.jaccard(list, registers[inputs[1]].lists[row]) {
                    out.floats[row] = share
                } else {
                    out.valid[row] = false
                }
            }
        }
        add(.absent, absent)
        add(.overflow, overflows)
    }
}
