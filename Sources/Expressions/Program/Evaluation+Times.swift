import FeatureModel

/// Times: in UTC, or a fixed distance from it.
extension Evaluation {
    func run(_ part: CalendarPart, _ offset: Microseconds, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let times = registers[inputs[0]].integers
        for row in 0..<count where out.valid[row] { out.integers[row] = Calendar(times[row], offset: offset).part(part) }
    }

    func truncate(_ unit: TimeUnitName, _ offset: Microseconds, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let times = registers[inputs[0]].integers
        var overflows = 0
        for row in 0..<count where out.valid[row] {
            if let start = Calendar(times[row], offset: offset).start(of: unit) {
                out.integers[row] = start
            } else {
                out.valid[row] = false
                overflows += 1
            }
        }
        add(.overflow, overflows)
    }

    /// From the first to the second.
    func between(_ perUnit: Double, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let (from, to) = (registers[inputs[0]].integers, registers[inputs[1]].integers)
        for row in 0..<count { out.floats[row] = Double(Int128(to[row]) - Int128(from[row])) / perUnit }
    }
}
