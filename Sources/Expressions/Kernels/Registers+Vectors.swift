extension Registers {
    mutating func run(_ operation: VectorOperation, _ step: Instruction, _ count: Int) {
        let length = Int(step.immediate)
        heapMap(step, count) { left, right, _, heap, nulls in
            let (first, second) = (Int(left), Int(right))
            let floats = heap.floats.span
            switch operation {
            case .dot: return Vectors.dot(floats, first, second, length).bitPattern
            case .norm: return Vectors.dot(floats, first, first, length).squareRoot().bitPattern
            case .distance: return Vectors.squaredDistance(floats, first, second, length).squareRoot().bitPattern
            case .cosine:
                let products = Vectors.products(floats, first, second, length)
                let lengths = products.first.squareRoot() * products.second.squareRoot()
                if lengths == 0 {
                    nulls.add(.outsideDomain)
                    return nil
                }
                return (products.both / lengths).bitPattern
            }
        }
    }
}

/// Sums over vectors in an order that is part of the language: eight lanes by the index modulo 8, which are then added to each
/// other from afar, 0 + 4, 1 + 5, 2 + 6, 3 + 7, 0 + 2, 1 + 3, 0 + 1.
enum Vectors {
    @inline(__always)
    private static func sum(_ length: Int, _ term: (Int) -> Double) -> Double {
        var lanes = SIMD8<Double>(repeating: 0)
        var index = 0
        while index &+ 8 <= length {
            lanes += eight(index, term)
            index &+= 8
        }
        while index < length {
            lanes[index & 7] += term(index)
            index &+= 1
        }
        return sum(lanes)
    }

    @inline(__always)
    private static func eight(_ index: Int, _ term: (Int) -> Double) -> SIMD8<Double> {
        SIMD8(
            term(index), term(index &+ 1), term(index &+ 2), term(index &+ 3), term(index &+ 4), term(index &+ 5),
            term(index &+ 6), term(index &+ 7))
    }

    @inline(__always)
    private static func sum(_ lanes: SIMD8<Double>) -> Double {
        let half = lanes.lowHalf + lanes.highHalf
        let quarter = half.lowHalf + half.highHalf
        return quarter[0] + quarter[1]
    }

    /// The products of each vector with itself and of both, in one walk.
    static func products(
        _ floats: Span<Float>, _ first: Int, _ second: Int, _ length: Int
    ) -> (first: Double, second: Double, both: Double) {
        var lanes = (SIMD8<Double>(repeating: 0), SIMD8<Double>(repeating: 0), SIMD8<Double>(repeating: 0))
        var index = 0
        while index &+ 8 <= length {
            let left = eight(index) { Double(floats[first &+ $0]) }
            let right = eight(index) { Double(floats[second &+ $0]) }
            lanes.0 += left * left
            lanes.1 += right * right
            lanes.2 += left * right
            index &+= 8
        }
        while index < length {
            let (left, right) = (Double(floats[first &+ index]), Double(floats[second &+ index]))
            lanes.0[index & 7] += left * left
            lanes.1[index & 7] += right * right
            lanes.2[index & 7] += left * right
            index &+= 1
        }
        return (sum(lanes.0), sum(lanes.1), sum(lanes.2))
    }

    /// The products are float64, in which a product of two float32 is exact.
    static func dot(_ floats: Span<Float>, _ first: Int, _ second: Int, _ length: Int) -> Double {
        sum(length) { Double(floats[first &+ $0]) * Double(floats[second &+ $0]) }
    }

    static func squaredDistance(_ floats: Span<Float>, _ first: Int, _ second: Int, _ length: Int) -> Double {
        sum(length) { index in
            let difference = Double(floats[first &+ index]) - Double(floats[second &+ index])
            return difference * difference
        }
    }
}
