import FeatureModel

@testable import Expressions

extension NaiveEvaluator {
    func call(_ name: String, _ nodes: [SyntaxNode], _ type: FeatureType?) -> Value {
        if ["coalesce", "nullif", "if", "found", "greatest", "least", "request_time"].contains(name) {
            return passingNulls(name, nodes, type)
        }
        let values = nodes.map(value)
        if values.contains(.null) { return .null }
        func result(_ number: Double?) -> Value { number.map { .float64($0) } ?? .null }
        switch name {
        case "abs": return arithmetic(nodes, { $0[0] < 0 ? -$0[0] : $0[0] }, { $0[0].magnitude })
        case "sign": return arithmetic(nodes, { $0[0].signum() }, { $0[0].isNaN ? .nan : $0[0] > 0 ? 1 : $0[0] < 0 ? -1 : 0 })
        case "mod": return remainder(nodes)
        case "div":
            return arithmetic(
                nodes, { $0[1] == 0 ? nil : $0[0] / $0[1] }, { $0[1] == 0 ? nil : ($0[0] / $0[1]).rounded(.towardZero) })
        case "floor", "ceil", "trunc", "round":
            if values.count == 1, whole(values[0]) != nil { return values[0] }
            let rules: [String: FloatingPointRoundingRule] = [
                "floor": .down, "ceil": .up, "trunc": .towardZero, "round": .toNearestOrAwayFromZero,
            ]
            let x = number(values[0])!
            return .float64(values.count == 2 ? NaiveNumbers.round(x, whole(values[1])!) : x.rounded(rules[name]!))
        case "clip":
            let (x, low, high) = (widened(values[0], type), widened(values[1], type), widened(values[2], type))
            let raised = NaiveOrder.strict(x, low)! < 0 ? low : x
            return NaiveOrder.strict(high, raised)! < 0 ? high : raised
        case "is_nan": return .bool(number(values[0])!.isNaN)
        case "is_inf": return .bool(number(values[0])!.isInfinite)
        case "sqrt", "ln", "log10", "log2", "log1p", "exp", "pow", "sin", "cos", "asin", "atan2", "radians", "haversine_km":
            return result(NaiveNumbers.function(name, values.map { number($0)! }))
        case "seconds_between", "days_between":
            guard case .timestamp(let from) = values[0], case .timestamp(let to) = values[1] else { return .null }
            let unit: Double = name == "days_between" ? 86_400_000_000 : 1_000_000
            return .float64(Double(Int128(to) - Int128(from)) / unit)
        case "year", "month", "day", "day_of_week", "day_of_year", "hour", "minute":
            guard case .timestamp(let time) = values[0] else { return .null }
            return .int64(NaiveCalendar(time, offset: offset(values.dropFirst().first)).part(name))
        case "date_trunc":
            guard case .string(let unit) = values[0], case .timestamp(let time) = values[1] else { return .null }
            return NaiveCalendar(time, offset: offset(values.dropFirst(2).first)).start(unit.description).map { .timestamp($0) }
                ?? .null
        case "dot", "cosine", "l2_distance", "norm": return result(NaiveNumbers.vectors(name, values))
        case "hash": return .int64(Int64(bitPattern: NaiveHash.hash(values[0])))
        case "bucket":
            let count = whole(values[1])!
            return count < 1 ? .null : .int64(Int64(NaiveHash.hash(values[0]) % UInt64(count)))
        case "json_text", "json_number":
            return NaiveJSON.find(text(values[1]), in: text(values[0]), asNumber: name == "json_number")
        case _ where name.hasPrefix("list_") || name == "jaccard": return list(name, values)
        default: return text(name, values)
        }
    }

    /// `+02:00` in minutes; none is 0.
    private func offset(_ value: Value?) -> Int64 {
        guard let value else { return 0 }
        let text = text(value)
        if text == "Z" || text == "UTC" { return 0 }
        let minutes = Int64(text.dropFirst().prefix(2))! * 60 + Int64(text.suffix(2))!
        return text.hasPrefix("-") ? -minutes : minutes
    }

    private func passingNulls(_ name: String, _ nodes: [SyntaxNode], _ type: FeatureType?) -> Value {
        switch name {
        case "coalesce": return widened(nodes.map(value).first { !$0.isNull } ?? .null, type)
        case "nullif": return NaiveOrder.compare(value(nodes[0]), value(nodes[1])) == 0 ? .null : value(nodes[0])
        case "if": return widened(truth(nodes[0]) == true ? value(nodes[1]) : value(nodes[2]), type)
        case "found":
            guard case .name(let name) = nodes[0].syntax else { return .null }
            return .bool(!missing.contains(name))
        case "request_time": return .timestamp(requestTime)
        default:
            let values = nodes.map { widened(value($0), type) }.filter { !$0.isNull }
            return values.max { NaiveOrder.strict($0, $1)! * (name == "greatest" ? 1 : -1) < 0 } ?? .null
        }
    }

    private func text(_ value: Value) -> String {
        guard case .string(let text) = value else { fatalError("no text: \(value)") }
        return text.description
    }

    private func text(_ name: String, _ values: [Value]) -> Value {
        if case .bytes(let bytes) = values[0], name == "length" { return .int64(Int64(bytes.bytes.count)) }
        let text = Array(text(values[0]).unicodeScalars)
        func made(_ scalars: some Sequence<Unicode.Scalar>) -> Value {
            .string(ByteString(String(String.UnicodeScalarView(scalars))))
        }
        func other(_ index: Int) -> [Unicode.Scalar] { Array(self.text(values[index]).unicodeScalars) }
        func stands(_ part: [Unicode.Scalar], _ place: Int) -> Bool { text[place...].starts(with: part) }
        switch name {
        case "lower": return made(text.map { "A"..."Z" ~= $0 ? Unicode.Scalar($0.value + 32)! : $0 })
        case "upper": return made(text.map { "a"..."z" ~= $0 ? Unicode.Scalar($0.value - 32)! : $0 })
        case "trim":
            let isSpace = { (scalar: Unicode.Scalar) in scalar == " " || "\t"..."\r" ~= scalar }
            return made(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        case "length": return .int64(Int64(text.count))
        case "substr":
            let from = Int128(whole(values[1])!)
            let end = values.count > 2 ? from + Int128(whole(values[2])!) : Int128.max
            return made(text.enumerated().filter { from <= Int128($0.offset + 1) && Int128($0.offset + 1) < end }.map(\.element))
        case "starts_with": return .bool(stands(other(1), 0))
        case "contains": return .bool((0...text.count).contains { stands(other(1), $0) })
        case "replace", "split":
            let part = other(1)
            var pieces: [[Unicode.Scalar]] = [[]]
            var place = 0
            while place < text.count {
                if !part.isEmpty, stands(part, place) {
                    pieces.append([])
                    place += part.count
                } else {
                    pieces[pieces.count - 1].append(text[place])
                    place += 1
                }
            }
            return name == "split" ? .array(pieces.map(made)) : made(pieces.joined(separator: other(2)))
        default: fatalError("no function \(name)")
        }
    }

    private func list(_ name: String, _ values: [Value]) -> Value {
        guard case .array(let all) = values[0] else { return .null }
        let list = all.filter { !$0.isNull }
        func isSame(_ left: Value, _ right: Value) -> Bool { NaiveOrder.compare(left, right) == 0 }
        func distinct(_ list: [Value]) -> [Value] {
            list.reduce(into: []) { known, value in if !known.contains(where: { isSame($0, value) }) { known.append(value) } }
        }
        var others: [Value] = []
        if values.count > 1, case .array(let other) = values[1] { others = other.filter { !$0.isNull } }
        func intersection() -> [Value] { distinct(list).filter { value in others.contains { isSame($0, value) } } }
        switch name {
        case "list_length": return .int64(Int64(all.count))
        case "list_at":
            let place = whole(values[1])!
            let index = place < 0 ? Int128(all.count) + Int128(place) : Int128(place) - 1
            return index >= 0 && index < all.count ? all[Int(index)] : .null
        case "list_contains": return .bool(list.contains { isSame($0, values[1]) })
        case "list_sum", "list_mean":
            if list.isEmpty { return .null }
            let isMean = name == "list_mean"
            let integers = list.compactMap { whole($0).map { Int128($0) } }
            if !integers.isEmpty {
                let sum = integers.reduce(0, +)
                return isMean ? .float64(Double(sum) / Double(list.count)) : Int64(exactly: sum).map { .int64($0) } ?? .null
            }
            var sum = ExactSum()
            for value in list { sum.add(number(value)!) }
            return .float64(isMean ? sum.rounded / Double(list.count) : sum.rounded)
        case "list_min": return list.min { NaiveOrder.strict($0, $1)! < 0 } ?? .null
        case "list_max": return list.max { NaiveOrder.strict($0, $1)! < 0 } ?? .null
        case "list_distinct": return .array(distinct(list))
        case "list_intersect": return .array(intersection())
        case "jaccard":
            let union = distinct(list + others).count
            return union == 0 ? .null : .float64(Double(intersection().count) / Double(union))
        default: fatalError("no function \(name)")
        }
    }
}
