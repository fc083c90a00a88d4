import FeatureModel

@testable import Expressions

extension NaiveEvaluator {
    func call(_ name: String, _ nodes: [SyntaxNode], _ type: FeatureType?) -> Value {
        func one(_ isInside: (Double) -> Bool, _ function: (Double) -> Double) -> Value {
            guard let x = float(nodes[0]) else { return .null }
            return x.isNaN ? made(Double.nan) : isInside(x) ? made(function(x)) : .null
        }
        switch name {
        case "abs":
            if type == .int64 { return made(integer(nodes[0]).flatMap { $0 == .min ? nil : Swift.abs($0) }) }
            return made(float(nodes[0]).map { $0.magnitude })
        case "sign":
            if type == .int64 { return made(integer(nodes[0]).map { $0.signum() }) }
            return made(float(nodes[0]).map { $0.isNaN ? .nan : $0 == 0 ? 0 : $0 < 0 ? -1 : 1 })
        case "floor", "ceil", "trunc":
            if type?.isInteger == true { return value(nodes[0]) }
            return made(float(nodes[0]).map { $0.rounded(name == "floor" ? .down : name == "ceil" ? .up : .towardZero) })
        case "round":
            if nodes.count == 1 {
                if type?.isInteger == true { return value(nodes[0]) }
                return made(
                    float(nodes[0]).map {
                        $0.isFinite && $0.magnitude < 0x1p52 ? ($0 < 0 || $0.sign == .minus ? -away(-$0) : away($0)) : $0
                    })
            }
            guard let x = float(nodes[0]), let digits = integer(nodes[1]) else { return .null }
            if !x.isFinite || digits > 22 { return made(x) }
            if digits < -22 { return made(x.sign == .minus ? -0.0 : 0.0) }
            var power = 1.0
            for _ in 0..<Swift.abs(digits) { power *= 10 }
            let scaled = digits < 0 ? x / power : x * power
            if digits > 0, scaled.magnitude >= 0x1p52 { return made(x) }
            let rounded = scaled.magnitude >= 0x1p52 ? scaled : scaled.sign == .minus ? -away(-scaled) : away(scaled)
            return made(digits < 0 ? rounded * power : rounded / power)
        case "sqrt": return one({ $0 >= 0 }, { $0.squareRoot() })
        case "ln": return one({ $0 > 0 }, Elementary.ln)
        case "log2": return one({ $0 > 0 }, Elementary.log2)
        case "log10": return one({ $0 > 0 }, Elementary.log10)
        case "log1p": return one({ $0 > -1 }, Elementary.log1p)
        case "exp": return one({ _ in true }, Elementary.exp)
        case "sin": return one(\.isFinite, Elementary.sin)
        case "cos": return one(\.isFinite, Elementary.cos)
        case "asin": return one({ $0.magnitude <= 1 }, Elementary.asin)
        case "radians": return one({ _ in true }, { $0 * (Double.pi / 180) })
        case "is_nan": return made(float(nodes[0]).map(\.isNaN))
        case "is_inf": return made(float(nodes[0]).map(\.isInfinite))
        case "pow":
            guard let x = float(nodes[0]), let y = float(nodes[1]) else { return .null }
            if x == 0, y < 0 { return .null }
            if x < 0, x.isFinite, y.isFinite, y != y.rounded() { return .null }
            return made(Elementary.pow(x, y))
        case "atan2":
            guard let y = float(nodes[0]), let x = float(nodes[1]) else { return .null }
            return made(Elementary.atan2(y, x))
        case "mod": return apply(.modulo, nodes[0], nodes[1], type)
        case "div":
            if type == .int64 {
                guard let x = integer(nodes[0]), let y = integer(nodes[1]), y != 0 else { return .null }
                return made(Int64(exactly: Int128(x) / Int128(y)))
            }
            guard let x = float(nodes[0]), let y = float(nodes[1]), y != 0 else { return .null }
            return made((x / y).rounded(.towardZero))
        case "greatest", "least":
            let values = nodes.map { widened(value($0), type) }.filter { !$0.isNull }
            return values.dropFirst().reduce(values.first ?? .null) { better($0, $1, greatest: name == "greatest") }
        case "clip":
            let values = nodes.map { widened(value($0), type) }
            if values.contains(where: \.isNull) { return .null }
            return better(better(values[0], values[1], greatest: true), values[2], greatest: false)
        case "coalesce": return nodes.map { value($0) }.first { !$0.isNull } ?? .null
        case "nullif": return Self.order(value(nodes[0]), value(nodes[1])) == 0 ? .null : value(nodes[0])
        case "if": return bool(nodes[0]) == true ? value(nodes[1]) : value(nodes[2])
        case "lower":
            return made(
                string(nodes[0]).map {
                    Array(
                        String($0.unicodeScalars.map { $0.isASCII ? Character($0.properties.lowercaseMapping) : Character($0) })
                            .utf8)
                })
        case "upper":
            return made(
                string(nodes[0]).map {
                    Array(
                        String($0.unicodeScalars.map { $0.isASCII ? Character($0.properties.uppercaseMapping) : Character($0) })
                            .utf8)
                })
        case "length":
            if self.type(nodes[0]) == .bytes { return made(bytes(nodes[0]).map { Int64($0.count) }) }
            return made(string(nodes[0]).map { Int64($0.unicodeScalars.count) })
        case "substr":
            guard let text = string(nodes[0]), let first = integer(nodes[1]) else { return .null }
            var count = Int128(Int64.max)
            if nodes.count > 2 {
                guard let taken = integer(nodes[2]) else { return .null }
                count = Int128(taken)
            }
            var kept = String.UnicodeScalarView()
            for (place, scalar) in text.unicodeScalars.enumerated() {
                let number = Int128(place) + 1
                if number >= Int128(first), number < Int128(first) + count { kept.append(scalar) }
            }
            return made(Array(String(kept).utf8))
        case "starts_with":
            guard let x = bytes(nodes[0]), let y = bytes(nodes[1]) else { return .null }
            return made(x.starts(with: y))
        case "contains":
            guard let x = bytes(nodes[0]), let y = bytes(nodes[1]) else { return .null }
            return made(y.count > x.count ? false : (0...(x.count - y.count)).contains { Array(x[$0..<$0 + y.count]) == y })
        case "list_length": return made(list(nodes[0]).map { Int64($0.count) })
        case "list_at":
            guard let x = list(nodes[0]), let place = integer(nodes[1]) else { return .null }
            let index = place > 0 ? Int128(place) - 1 : Int128(x.count) + Int128(place)
            return place != 0 && index >= 0 && index < x.count ? x[Int(index)] : .null
        case "list_contains":
            guard let x = list(nodes[0]) else { return .null }
            let wanted = value(nodes[1])
            return wanted.isNull ? .null : .bool(x.contains { Self.order($0, wanted) == 0 })
        case "list_min", "list_max":
            guard let x = list(nodes[0])?.filter({ !$0.isNull }), let first = x.first else { return .null }
            return x.dropFirst().reduce(first) { better($0, $1, greatest: name == "list_max") }
        case "list_distinct":
            guard let x = list(nodes[0]) else { return .null }
            return .array(distinct(x))
        case "list_intersect", "jaccard":
            guard let x = list(nodes[0]), let y = list(nodes[1]) else { return .null }
            let both = distinct(x).filter { value in y.contains { Self.order(value, $0) == 0 } }
            if name == "list_intersect" { return .array(both) }
            let all = distinct(x).count + distinct(y).count - both.count
            return made(all == 0 ? nil : Double(both.count) / Double(all))
        case "dot", "cosine", "l2_distance":
            guard let x = vector(nodes[0]), let y = vector(nodes[1]) else { return .null }
            if name == "dot" { return made(lanes(x.indices.map { Double(x[$0]) * Double(y[$0]) })) }
            if name == "l2_distance" {
                return made(
                    lanes(x.indices.map { (Double(x[$0]) - Double(y[$0])) * (Double(x[$0]) - Double(y[$0])) }).squareRoot())
            }
            let lengths =
                lanes(x.map { Double($0) * Double($0) }).squareRoot() * lanes(y.map { Double($0) * Double($0) }).squareRoot()
            return made(lengths == 0 ? nil : lanes(x.indices.map { Double(x[$0]) * Double(y[$0]) }) / lengths)
        case "norm": return made(vector(nodes[0]).map { x in lanes(x.map { Double($0) * Double($0) }).squareRoot() })
        case "seconds_between", "days_between":
            guard let x = time(nodes[0]), let y = time(nodes[1]) else { return .null }
            return made(Double(Int128(y) - Int128(x)) / (name == "seconds_between" ? 1e6 : 86_400e6))
        case "year", "month", "day", "day_of_week", "day_of_year", "hour", "minute":
            return made(time(nodes[0]).map { part(name, $0) })
        default: preconditionFailure("the naive evaluator has no \(name)")
        }
    }

    private func lanes(_ terms: [Double]) -> Double {
        var sums = Array(repeating: 0.0, count: 8)
        for (index, term) in terms.enumerated() { sums[index % 8] += term }
        let (a, b, c, d) = (sums[0] + sums[4], sums[1] + sums[5], sums[2] + sums[6], sums[3] + sums[7])
        return (a + c) + (b + d)
    }

    private func better(_ left: Value, _ right: Value, greatest: Bool) -> Value {
        var order = Self.order(left, right)!
        if order == 0 { order = negativeZero(left) == negativeZero(right) ? 0 : negativeZero(left) ? -1 : 1 }
        return greatest ? (order < 0 ? right : left) : (order > 0 ? right : left)
    }

    private func negativeZero(_ value: Value) -> Bool {
        switch value {
        case .float32(let x): x == 0 && x.sign == .minus
        case .float64(let x): x == 0 && x.sign == .minus
        default: false
        }
    }

    private func distinct(_ values: [Value]) -> [Value] {
        var kept: [Value] = []
        for value in values where !value.isNull && !kept.contains(where: { Self.order($0, value) == 0 }) { kept.append(value) }
        return kept
    }

    /// By counting days, year by year.
    private func part(_ name: String, _ time: Int64) -> Int64 {
        let length = Int128(86_400_000_000)
        var day = Int64(Int128(time) / length)
        var rest = Int128(time) % length
        if rest < 0 { (day, rest) = (day - 1, rest + length) }
        if name == "hour" { return Int64(rest / 3_600_000_000) }
        if name == "minute" { return Int64(rest / 60_000_000 % 60) }
        if name == "day_of_week" { return ((day % 7 + 7 + 3) % 7) + 1 }
        func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        // 400 years have the same number of days wherever they begin.
        var year = 1970 + 400 * (day / 146_097)
        day %= 146_097
        while day < 0 {
            year -= 1
            day += isLeap(year) ? 366 : 365
        }
        while day >= (isLeap(year) ? 366 : 365) {
            day -= isLeap(year) ? 366 : 365
            year += 1
        }
        if name == "year" { return year }
        if name == "day_of_year" { return day + 1 }
        var month: Int64 = 1
        for length in [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as [Int64] {
            if day < length { break }
            day -= length
            month += 1
        }
        return name == "month" ? month : day + 1
    }
}
