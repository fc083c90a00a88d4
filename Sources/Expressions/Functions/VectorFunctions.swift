/// Products and sums of vectors, in eight lanes by index, which are then added in one order: so the bits are the same on every
/// machine.
enum VectorFunctions {
    static func dot(_ left: [Float], _ right: [Float]) -> Double { sum(left.count) { Double(left[$0]) * Double(right[$0]) } }

    static func squaredDistance(_ left: [Float], _ right: [Float]) -> Double {
        sum(left.count) { index in
            let difference = Double(left[index]) - Double(right[index])
            return difference * difference
        }
    }

    @inline(__always)
    private static func sum(_ count: Int, _ term: (Int) -> Double) -> Double {
        var lanes = SIMD8<Double>(repeating: 0)
        for index in 0..<count { lanes[index & 7] += term(index) }
        let fours = lanes.lowHalf + lanes.highHalf
        let twos = fours.lowHalf + fours.highHalf
        return twos[0] + twos[1]
    }
}
