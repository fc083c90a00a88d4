import FeatureModel

@testable import Expressions

/// Functions of numbers and vectors; `nil` outside of where they are defined.
enum NaiveNumbers {
    static func function(_ name: String, _ x: [Double]) -> Double? {
        switch name {
        case "sqrt": x[0] < 0 ? nil : x[0].squareRoot()
        case "ln": x[0] <= 0 ? nil : Elementary.ln(x[0])
        case "log10": x[0] <= 0 ? nil : Elementary.log10(x[0])
        case "log2": x[0] <= 0 ? nil : Elementary.log2(x[0])
        case "log1p": x[0] <= -1 ? nil : Elementary.log1p(x[0])
        case "exp": Elementary.exp(x[0])
        case "pow": power(x[0], x[1])
        case "sin": x[0].isInfinite ? nil : Elementary.sin(x[0])
        case "cos": x[0].isInfinite ? nil : Elementary.cos(x[0])
        case "asin": x[0] < -1 || x[0] > 1 ? nil : Elementary.asin(x[0])
        case "atan2": Elementary.atan2(x[0], x[1])
        case "radians": x[0] * (Double.pi / 180)
        case "haversine_km": haversine(x)
        default: fatalError("no function \(name)")
        }
    }

    private static func power(_ x: Double, _ y: Double) -> Double? {
        if x == 0 && y < 0 { return nil }
        if x < 0 && x > -.infinity && y.isFinite && y != y.rounded() { return nil }
        return Elementary.pow(x, y)
    }

    /// *Source*: R. W. Sinnott, "Virtues of the Haversine", 1984.
    private static func haversine(_ x: [Double]) -> Double? {
        guard x.allSatisfy(\.isFinite) else { return nil }
        let degree = Double.pi / 180
        func squaredSine(_ degrees: Double) -> Double {
            let sine = Elementary.sin(degrees * degree / 2)
            return sine * sine
        }
        let across = Elementary.cos(x[0] * degree) * Elementary.cos(x[2] * degree) * squaredSine(x[3] - x[1])
        let half = squaredSine(x[2] - x[0]) + across
        return 2 * 6_371.0088 * Elementary.asin(half > 1 ? 1 : half < 0 ? 0 : half.squareRoot())
    }

    /// Scaled by a power of ten, rounded with halves away from zero, and scaled back.
    static func round(_ x: Double, _ digits: Int64) -> Double {
        if !x.isFinite || digits > 22 { return x }
        if digits < -308 { return x.sign == .minus ? -0.0 : 0 }
        let power = Double("1e\(digits.magnitude)")!
        if digits < 0 { return (x / power).rounded(.toNearestOrAwayFromZero) * power }
        return (x * power).magnitude < 0x1p52 ? (x * power).rounded(.toNearestOrAwayFromZero) / power : x
    }

    static func vectors(_ name: String, _ values: [Value]) -> Double? {
        let vectors = values.map { value in
            guard case .vector(let floats) = value else { fatalError("no vector") }
            return floats.map { Double($0) }
        }
        func sum(_ terms: [Double]) -> Double {
            var eight = Array(repeating: 0.0, count: 8)
            for (index, term) in terms.enumerated() { eight[index % 8] += term }
            let four = (0..<4).map { eight[$0] + eight[$0 + 4] }
            return (four[0] + four[2]) + (four[1] + four[3])
        }
        func dot(_ x: [Double], _ y: [Double]) -> Double { sum(zip(x, y).map { $0 * $1 }) }
        let (x, y) = (vectors[0], vectors[vectors.count - 1])
        switch name {
        case "dot": return dot(x, y)
        case "norm": return dot(x, x).squareRoot()
        case "l2_distance": return sum(zip(x, y).map { ($0 - $1) * ($0 - $1) }).squareRoot()
        default:
            let lengths = dot(x, x).squareRoot() * dot(y, y).squareRoot()
            return lengths == 0 ? nil : dot(x, y) / lengths
        }
    }
}

enum NaiveHash {
    /// Of the bytes that widening does not change.
    static func hash(_ value: Value) -> UInt64 { XXH64.hash(bytes(value)) }

    private static func eight(_ bits: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) } }

    private static func float(_ value: Double) -> [UInt8] {
        eight(value.isNaN ? 0x7FF8 << 48 : value == 0 ? 0 : value.bitPattern)
    }

    private static func bytes(_ value: Value) -> [UInt8] {
        switch value {
        case .null: []
        case .bool(let value): [value ? 1 : 0]
        case .int32(let value): eight(UInt64(bitPattern: Int64(value)))
        case .int64(let value), .timestamp(let value): eight(UInt64(bitPattern: value))
        case .float32(let value): float(Double(value))
        case .float64(let value): float(value)
        case .string(let text), .bytes(let text): text.bytes
        case .array(let values): eight(UInt64(values.count)) + values.flatMap(element)
        case .vector(let values): eight(UInt64(values.count)) + values.flatMap { float(Double($0)) }
        }
    }

    private static func element(_ value: Value) -> [UInt8] {
        switch value {
        case .null: [0]
        case .string(let text), .bytes(let text): [1] + eight(UInt64(text.bytes.count)) + text.bytes
        default: [1] + bytes(value)
        }
    }
}

enum NaiveCast {
    static func cast(_ value: Value, to type: FeatureType) -> Value {
        func whole(_ integer: Int64?) -> Value {
            guard let integer else { return .null }
            switch type {
            case .int32: return Int32(exactly: integer).map { .int32($0) } ?? .null
            case .timestamp: return .timestamp(integer)
            default: return .int64(integer)
            }
        }
        switch (value, type) {
        case (.null, _): return .null
        case (.bool(let value), .string): return .string(value ? "true" : "false")
        case (.bool(let value), .int32), (.bool(let value), .int64): return whole(value ? 1 : 0)
        case (.int32(let value), _): return cast(.int64(Int64(value)), to: type)
        case (.int64(let value), .bool): return .bool(value != 0)
        case (.int64(let value), .float32): return .float32(Float(value))
        case (.int64(let value), .float64): return .float64(Double(value))
        case (.int64(let value), .string): return .string(ByteString(String(value)))
        case (.timestamp(let value), .string): return .string(ByteString(TimeText.format(value)))
        case (.int64(let value), _), (.timestamp(let value), .int64): return whole(value)
        case (.float32(let value), .string): return .string(ByteString(text(Double(value), "\(value)")))
        case (.float64(let value), .string): return .string(ByteString(text(value, "\(value)")))
        case (.float32(let value), _) where type != .float32: return cast(.float64(Double(value)), to: type)
        case (.float64(let value), .float32): return .float32(Float(value))
        case (.float64(let value), .int32), (.float64(let value), .int64):
            return whole(Int64(exactly: value.rounded(.toNearestOrAwayFromZero)))
        case (.string(let text), .bytes): return .bytes(text)
        case (.bytes(let bytes), .string): return String(validating: bytes.bytes, as: UTF8.self) == nil ? .null : .string(bytes)
        case (.string(let text), .bool): return text == "true" ? .bool(true) : text == "false" ? .bool(false) : .null
        case (.string(let text), .timestamp): return whole(TimeText.parseRFC3339(text.description))
        case (.string(let text), .int32), (.string(let text), .int64):
            return whole(text.bytes.first == UInt8(ascii: "+") ? nil : Int64(text.description))
        case (.string(let text), .float32): return number(text.description) { Float($0) }.map { .float32($0) } ?? .null
        case (.string(let text), .float64): return number(text.description) { Double($0) }.map { .float64($0) } ?? .null
        default: return value
        }
    }

    private static func text(_ value: Double, _ digits: String) -> String {
        value.isNaN ? "NaN" : value == .infinity ? "Infinity" : value == -.infinity ? "-Infinity" : digits
    }

    static func number<T: BinaryFloatingPoint>(_ text: String, _ read: (String) -> T?) -> T? {
        if let name = ["NaN": T.nan, "Infinity": .infinity, "-Infinity": -.infinity][text] { return name }
        guard text.first != "+", text.allSatisfy({ "0123456789.eE+-".contains($0) }) else { return nil }
        return read(text).flatMap { $0.isFinite ? $0 : nil }
    }
}

/// Counts years and months one by one, from the first day of a period of 400 years.
struct NaiveCalendar {
    private var year: Int64 = 0
    private var month: Int64 = 1
    private var dayOfYear: Int64 = 1
    private var dayOfMonth: Int64 = 1
    /// Since 1970.
    private let day: Int128
    private let inDay: Int64
    private let offset: Int128

    init(_ time: Microseconds, offset minutes: Int64) {
        offset = Int128(minutes) * 60_000_000
        let local = Int128(time) + offset
        let length: Int128 = 86_400_000_000
        day = (local - (local % length + length) % length) / length
        inDay = Int64(local - day * length)
        // 2000-01-01 is day 10,957, and 146,097 days later everything is as it was.
        let since = day - 10_957
        let period = (since - (since % 146_097 + 146_097) % 146_097) / 146_097
        var rest = Int64(since - period * 146_097)
        year = 2000 + Int64(period) * 400
        while rest >= Self.days(year) {
            rest -= Self.days(year)
            year += 1
        }
        dayOfYear = rest + 1
        while rest >= Self.days(year, month) {
            rest -= Self.days(year, month)
            month += 1
        }
        dayOfMonth = rest + 1
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) }
    private static func days(_ year: Int64) -> Int64 { isLeap(year) ? 366 : 365 }
    private static func days(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// 2000-01-03 was a Monday.
    private var dayOfWeek: Int64 { Int64(((day - 10_959) % 7 + 7) % 7) + 1 }

    func part(_ name: String) -> Int64 {
        switch name {
        case "year": year
        case "month": month
        case "day": dayOfMonth
        case "day_of_week": dayOfWeek
        case "day_of_year": dayOfYear
        case "hour": inDay / 3_600_000_000
        default: inDay / 60_000_000 % 60
        }
    }

    func start(_ unit: String) -> Microseconds? {
        func at(_ daysBack: Int64, _ inDay: Int64 = 0) -> Microseconds? {
            Int64(exactly: (day - Int128(daysBack)) * 86_400_000_000 + Int128(inDay) - offset)
        }
        switch unit {
        case "second": return at(0, inDay - inDay % 1_000_000)
        case "minute": return at(0, inDay - inDay % 60_000_000)
        case "hour": return at(0, inDay - inDay % 3_600_000_000)
        case "day": return at(0)
        case "week": return at(dayOfWeek - 1)
        case "month": return at(dayOfMonth - 1)
        case "quarter":
            let first = (month - 1) / 3 * 3 + 1
            return at(dayOfMonth - 1 + (first..<month).reduce(0) { $0 + Self.days(year, $1) })
        default: return at(dayOfYear - 1)
        }
    }
}

/// Reads a whole document, which is well formed or begins with what is none.
enum NaiveJSON {
    private indirect enum Node {
        case scalar(String, isText: Bool)
        case list([Node])
        case object([(name: String, value: Node)])
    }

    static func find(_ path: String, in document: String, asNumber: Bool) -> Value {
        var scalars = Array(document.unicodeScalars)[...]
        guard var node = parse(&scalars) else { return .null }
        let steps = path.replacing("[", with: ".[").split(separator: ".").drop { $0 == "$" }
        for step in steps {
            switch node {
            case .object(let members) where !step.hasPrefix("["):
                guard let member = members.first(where: { $0.name == step }) else { return .null }
                node = member.value
            case .list(let elements) where step.hasPrefix("["):
                guard let index = Int(step.dropFirst().dropLast()), index < elements.count else { return .null }
                node = elements[index]
            default: return .null
            }
        }
        guard case .scalar(let text, let isText) = node, isText || text != "null" else { return .null }
        if asNumber { return NaiveCast.cast(.string(ByteString(text)), to: .float64) }
        return .string(ByteString(text))
    }

    private static func parse(_ rest: inout ArraySlice<Unicode.Scalar>) -> Node? {
        func skip() { rest = rest.drop { $0 == " " || $0 == "\n" } }
        func take(_ scalar: Unicode.Scalar) -> Bool {
            skip()
            guard rest.first == scalar else { return false }
            rest = rest.dropFirst()
            return true
        }
        skip()
        if take("[") {
            var elements: [Node] = []
            if take("]") { return .list([]) }
            repeat {
                guard let element = parse(&rest) else { return nil }
                elements.append(element)
            } while take(",")
            return take("]") ? .list(elements) : nil
        }
        if take("{") {
            var members: [(name: String, value: Node)] = []
            if take("}") { return .object([]) }
            repeat {
                guard case .scalar(let name, true)? = parse(&rest), take(":"), let value = parse(&rest) else { return nil }
                members.append((name, value))
            } while take(",")
            return take("}") ? .object(members) : nil
        }
        if take("\"") {
            var text = String.UnicodeScalarView()
            while let scalar = rest.popFirst(), scalar != "\"" {
                text.append(scalar == "\\" ? rest.removeFirst() : scalar)
            }
            return .scalar(String(text), isText: true)
        }
        let word = rest.prefix { !" \n,]}".unicodeScalars.contains($0) }
        rest = rest.dropFirst(word.count)
        return word.isEmpty ? nil : .scalar(String(String.UnicodeScalarView(word)), isText: false)
    }
}
