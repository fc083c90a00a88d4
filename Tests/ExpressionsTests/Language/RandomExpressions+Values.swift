import FeatureModel
import TestSupport

@testable import Expressions

extension SplitMix64 {
    private func made(
        _ type: FeatureType, _ text: String, _ arguments: [RandomExpression], _ body: @escaping ([Value]) -> Value
    ) -> RandomExpression {
        RandomExpression(type: type, text: text) { row in
            let values = arguments.map { $0.value(row) }
            return values.contains(where: \.isNull) ? .null : body(values)
        }
    }

    private func call(
        _ name: String, _ type: FeatureType, _ arguments: [RandomExpression], _ body: @escaping ([Value]) -> Value
    ) -> RandomExpression {
        made(type, "\(name)(\(arguments.map(\.text).joined(separator: ",")))", arguments, body)
    }

    /// A number that makes a function give float64: at least one of two is a float.
    private mutating func operand(_ depth: Int) -> RandomExpression {
        expression(pick([.float64, .float64, .float32, .int64]), depth: depth)
    }

    mutating func float(_ depth: Int) -> RandomExpression {
        if chance(0.12) {
            let inner = expression(pick([.int64, .string, .bool, .float32]), depth: depth - 1)
            return made(.float64, "cast(\(inner.text) as float64)", [inner]) { NaiveCasts.cast($0[0], to: .float64) }
        }
        if chance(0.2) { return listFloat(depth) }
        if chance(0.25) { return elementary(depth) }
        let inner = expression(pick([.float64, .float32]), depth: depth - 1)
        let other = operand(depth - 1)
        let value = NaiveRules.float
        switch int(0...14) {
        case 0:
            return made(.float64, "(\(inner.text)) + (\(other.text))", [inner, other]) { .float64(value($0[0]) + value($0[1])) }
        case 1:
            return made(.float64, "(\(other.text)) - (\(inner.text))", [other, inner]) { .float64(value($0[0]) - value($0[1])) }
        case 2:
            return made(.float64, "(\(inner.text)) * (\(other.text))", [inner, other]) { .float64(value($0[0]) * value($0[1])) }
        case 3:
            let left = expression(.int64, depth: depth - 1)
            return made(.float64, "(\(left.text))/(\(other.text))", [left, other]) {
                NaiveRules.divide(value($0[0]), value($0[1]))
            }
        case 4:
            return made(.float64, "(\(inner.text)) % (\(other.text))", [inner, other]) {
                NaiveRules.remainder($0[0], $0[1], isFloat: true)
            }
        case 5: return call("div", .float64, [inner, other]) { NaiveRules.quotient($0[0], $0[1], isFloat: true) }
        case 6: return made(.float64, "-(\(inner.text))", [inner]) { .float64(-value($0[0])) }
        case 7: return call("abs", .float64, [inner]) { .float64(Swift.abs(value($0[0]))) }
        case 8:
            return call("sign", .float64, [inner]) {
                let number = value($0[0])
                return .float64(number.isNaN ? .nan : number < 0 ? -1 : number > 0 ? 1 : 0)
            }
        case 9: return call("round", .float64, [inner]) { .float64(NaiveRules.halfAway(value($0[0]))) }
        case 10:
            let digits = expression(.int64, depth: 0)
            return call("round", .float64, [inner, digits]) { NaiveRules.round(value($0[0]), NaiveRules.integer($0[1])) }
        case 11: return call("floor", .float64, [inner]) { .float64(value($0[0]).rounded(.down)) }
        case 12: return call("ceil", .float64, [inner]) { .float64(value($0[0]).rounded(.up)) }
        case 13: return call("trunc", .float64, [inner]) { .float64(value($0[0]).rounded(.towardZero)) }
        default:
            let high = operand(depth - 1)
            return call("clip", .float64, [inner, other, high]) { values in
                let cells = values.map { Value.float64(value($0)) }
                if NaiveRules.order(cells[1], cells[2]) > 0 { return .null }
                if value(cells[0]).isNaN { return cells[0] }
                return NaiveRules.order(cells[0], cells[1]) < 0
                    ? cells[1] : NaiveRules.order(cells[0], cells[2]) > 0 ? cells[2] : cells[0]
            }
        }
    }

    private mutating func elementary(_ depth: Int) -> RandomExpression {
        let inner = operand(depth - 1)
        let other = operand(depth - 1)
        func inside(_ isInside: @escaping (Double) -> Bool, _ body: @escaping (Double) -> Double) -> ([Value]) -> Value {
            { values in
                let number = NaiveRules.float(values[0])
                return number.isNaN ? .float64(number) : isInside(number) ? .float64(body(number)) : .null
            }
        }
        switch int(0...13) {
        case 0: return call("sqrt", .float64, [inner], inside({ $0 >= 0 }, { $0.squareRoot() }))
        case 1: return call("ln", .float64, [inner], inside({ $0 > 0 }, Elementary.ln))
        case 2: return call("log10", .float64, [inner], inside({ $0 > 0 }, Elementary.log10))
        case 3: return call("log2", .float64, [inner], inside({ $0 > 0 }, Elementary.log2))
        case 4: return call("log1p", .float64, [inner], inside({ $0 > -1 }, Elementary.log1p))
        case 5: return call("exp", .float64, [inner], inside({ _ in true }, Elementary.exp))
        case 6: return call("sin", .float64, [inner], inside(\.isFinite, Elementary.sin))
        case 7: return call("cos", .float64, [inner], inside(\.isFinite, Elementary.cos))
        case 8: return call("asin", .float64, [inner], inside({ abs($0) <= 1 }, Elementary.asin))
        case 9:
            return call("atan2", .float64, [inner, other]) {
                .float64(Elementary.atan2(NaiveRules.float($0[0]), NaiveRules.float($0[1])))
            }
        case 10:
            return call("pow", .float64, [inner, other]) { values in
                let (base, power) = (NaiveRules.float(values[0]), NaiveRules.float(values[1]))
                if base == 0 && power < 0 { return .null }
                if base < 0 && base.isFinite && power.isFinite && power != power.rounded() { return .null }
                return .float64(Elementary.pow(base, power))
            }
        case 11: return call("radians", .float64, [inner]) { .float64(NaiveRules.float($0[0]) * (Double.pi / 180)) }
        default:
            let more = [operand(0), operand(0)]
            return call("haversine_km", .float64, [inner, other] + more) { NaiveRules.haversine($0.map(NaiveRules.float)) }
        }
    }

    // MARK: Lists

    mutating func listInteger(_ depth: Int) -> RandomExpression {
        let integers = expression(.array(.int64), depth: depth - 1)
        switch int(0...6) {
        case 0: return call("list_length", .int64, [list(depth)]) { .int64(Int64(NaiveRules.list($0[0]).count)) }
        case 1:
            return call("list_sum", .int64, [integers]) { values in
                let elements = NaiveRules.elements(values[0])
                return elements.isEmpty ? .null : NaiveRules.int64(elements.reduce(0) { $0 + NaiveRules.integer($1) })
            }
        case 2:
            return call("list_min", .int64, [integers]) {
                NaiveRules.elements($0[0]).min { NaiveRules.order($0, $1) < 0 } ?? .null
            }
        case 3:
            return call("list_max", .int64, [integers]) {
                NaiveRules.elements($0[0]).max { NaiveRules.order($0, $1) < 0 } ?? .null
            }
        case 4: return at(.int64, integers, depth)
        case 5:
            let inner = expression(pick(allHashed), depth: depth - 1)
            return call("hash", .int64, [inner]) { .int64(Int64(bitPattern: NaiveRules.hash($0[0]))) }
        default:
            let inner = expression(pick(allHashed), depth: depth - 1)
            return call("bucket", .int64, [inner, expression(.int64, depth: 0)]) { values in
                let count = NaiveRules.integer(values[1])
                return count <= 0 ? .null : NaiveRules.int64(Int128(NaiveRules.hash(values[0])) % count)
            }
        }
    }

    private var allHashed: [FeatureType] {
        [
            .bool, .int32, .int64, .float32, .float64, .string, .bytes, .timestamp, .array(.string), .array(.bool),
            .array(.float32), .vector(11),
        ]
    }

    private mutating func at(_ type: FeatureType, _ list: RandomExpression, _ depth: Int) -> RandomExpression {
        call("list_at", type, [list, expression(.int64, depth: depth - 1)]) { values in
            let elements = NaiveRules.list(values[0])
            let place = NaiveRules.integer(values[1])
            let index = place < 0 ? Int128(elements.count) + place : place - 1
            return place != 0 && index >= 0 && index < elements.count ? elements[Int(index)] : .null
        }
    }

    private mutating func list(_ depth: Int) -> RandomExpression {
        expression(pick([.array(.string), .array(.float64), .array(.int64), .array(.bool)]), depth: depth - 1)
    }

    private mutating func listFloat(_ depth: Int) -> RandomExpression {
        let floats = expression(.array(.float64), depth: depth - 1)
        let (v, w) = (leafColumn("v"), leafColumn("w"))
        switch int(0...10) {
        case 0:
            return call("list_sum", .float64, [floats]) { values in
                let elements = NaiveRules.elements(values[0])
                return elements.isEmpty ? .null : .float64(NaiveRules.sum(elements.map(NaiveRules.float)))
            }
        case 1:
            return call("list_mean", .float64, [floats]) { values in
                let elements = NaiveRules.elements(values[0])
                return elements.isEmpty
                    ? .null : .float64(NaiveRules.sum(elements.map(NaiveRules.float)) / Double(elements.count))
            }
        case 2:
            return call("list_mean", .float64, [expression(.array(.int64), depth: depth - 1)]) { values in
                let elements = NaiveRules.elements(values[0])
                return elements.isEmpty
                    ? .null : .float64(NaiveRules.sum(elements.flatMap(NaiveRules.halves)) / Double(elements.count))
            }
        case 3:
            return call("list_min", .float64, [floats]) {
                NaiveRules.elements($0[0]).min { NaiveRules.order($0, $1) < 0 } ?? .null
            }
        case 4: return at(.float64, floats, depth)
        case 5:
            return call("jaccard", .float64, [expression(.array(.string), depth: depth - 1), leafColumn("ss")]) { values in
                let first = NaiveRules.distinct(NaiveRules.elements(values[0]))
                let second = NaiveRules.distinct(NaiveRules.elements(values[1]))
                let all = NaiveRules.distinct(first + second).count
                return all == 0 ? .null : .float64(Double(first.count + second.count - all) / Double(all))
            }
        case 6: return call("dot", .float64, [v, w]) { .float64(NaiveRules.dot($0[0], $0[1])) }
        case 7: return call("norm", .float64, [v]) { .float64(NaiveRules.dot($0[0], $0[0]).squareRoot()) }
        case 8:
            return call("cosine", .float64, [v, w]) { values in
                let lengths =
                    NaiveRules.dot(values[0], values[0]).squareRoot() * NaiveRules.dot(values[1], values[1]).squareRoot()
                return lengths == 0 ? .null : .float64(NaiveRules.dot(values[0], values[1]) / lengths)
            }
        case 9:
            let (first, second) = (expression(.timestamp, depth: depth - 1), expression(.timestamp, depth: depth - 1))
            let days = chance(0.5)
            return call(days ? "days_between" : "seconds_between", .float64, [first, second]) { values in
                let difference = NaiveRules.int64(NaiveRules.integer(values[1]) - NaiveRules.integer(values[0]))
                return difference.isNull ? .null : .float64(NaiveRules.float(difference) / (days ? 86_400_000_000 : 1_000_000))
            }
        default:
            return call("l2_distance", .float64, [v, w]) { values in
                let terms = zip(NaiveRules.vector(values[0]), NaiveRules.vector(values[1])).map { ($0 - $1) * ($0 - $1) }
                return .float64(NaiveRules.lanes(terms).squareRoot())
            }
        }
    }

    mutating func list(_ type: FeatureType, _ depth: Int) -> RandomExpression {
        if type == .array(.string) && chance(0.4) {
            return call("split", type, [expression(.string, depth: depth - 1), expression(.string, depth: 0)]) { values in
                .array(NaiveRules.pieces(NaiveRules.text(values[0]), NaiveRules.text(values[1])).map { NaiveRules.string($0) })
            }
        }
        let inner = expression(type, depth: depth - 1)
        if chance(0.5) { return call("list_distinct", type, [inner]) { .array(NaiveRules.distinct(NaiveRules.elements($0[0]))) } }
        let other = expression(type, depth: depth - 1)
        return call("list_intersect", type, [inner, other]) { values in
            let others = NaiveRules.elements(values[1])
            return .array(
                NaiveRules.distinct(NaiveRules.elements(values[0])).filter { element in
                    others.contains { NaiveRules.compare($0, element) == 0 }
                })
        }
    }

    // MARK: Text

    mutating func string(_ depth: Int) -> RandomExpression {
        if chance(0.25) {
            let inner = expression(pick([.bool, .int64, .float64, .float32, .timestamp, .int32, .bytes]), depth: depth - 1)
            return made(.string, "cast(\(inner.text) as string)", [inner]) { NaiveCasts.cast($0[0], to: .string) }
        }
        let inner = expression(.string, depth: depth - 1)
        switch int(0...9) {
        case 0, 1:
            let other = expression(.string, depth: depth - 1)
            return made(.string, "(\(inner.text)) || (\(other.text))", [inner, other]) {
                .string(ByteString(NaiveRules.string($0[0]) + NaiveRules.string($0[1])))
            }
        case 2: return call("lower", .string, [inner]) { NaiveRules.ascii($0[0], upper: false) }
        case 3: return call("Upper", .string, [inner]) { NaiveRules.ascii($0[0], upper: true) }
        case 4:
            return call("trim", .string, [inner]) {
                let kept = NaiveRules.text($0[0]).drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
                return NaiveRules.string(kept)
            }
        case 5:
            return call("substr", .string, [inner, expression(.int64, depth: 0)]) {
                NaiveRules.substring(NaiveRules.text($0[0]), NaiveRules.integer($0[1]), 1 << 70)
            }
        case 6:
            return call("substr", .string, [inner, expression(.int64, depth: 0), expression(.int64, depth: 0)]) {
                NaiveRules.substring(NaiveRules.text($0[0]), NaiveRules.integer($0[1]), NaiveRules.integer($0[2]))
            }
        case 7:
            let list = expression(.array(.string), depth: depth - 1)
            return at(.string, list, depth)
        case 8:
            let list = expression(.array(.string), depth: depth - 1)
            return call("list_max", .string, [list]) {
                NaiveRules.elements($0[0]).max { NaiveRules.compare($0, $1) < 0 } ?? .null
            }
        default:
            return call("replace", .string, [inner, expression(.string, depth: 0), expression(.string, depth: 0)]) { values in
                let (text, old, new) = (NaiveRules.text(values[0]), NaiveRules.text(values[1]), NaiveRules.text(values[2]))
                if old.isEmpty { return values[0] }
                return NaiveRules.string(NaiveRules.pieces(text, old).joined(separator: new))
            }
        }
    }
}
