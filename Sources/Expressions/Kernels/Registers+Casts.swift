internal import FeatureModel

extension Registers {
    mutating func run(_ operation: CastOperation, _ step: Instruction, _ count: Int) {
        switch operation {
        case .integerToFloat: map(step, count) { Double($0.integer).bitPattern }
        case .floatToFloat32: map(step, count) { Double(Float($0.float)).bitPattern }
        case .integerToBool: map(step, count) { UInt64($0 != 0) }
        case .floatToInteger:
            attempt(step, count) { word, _ in Scalars.integer(word.float).map { UInt64(bitPattern: $0) } }
        case .integerToInt32:
            tryMap(step, count) { word, nulls in
                if Int32(exactly: word.integer) != nil { return word }
                nulls.add(.overflow)
                return nil
            }
        case .integerToText: attempt(step, count) { word, heap in heap.append(String(word.integer)) }
        case .floatToText: attempt(step, count) { word, heap in heap.append(Scalars.text(word.float)) }
        case .float32ToText: attempt(step, count) { word, heap in heap.append(Scalars.text(Float(word.float))) }
        case .boolToText: attempt(step, count) { word, heap in heap.append(word == 1 ? "true" : "false") }
        case .timestampToText: attempt(step, count) { word, heap in heap.append(TimeText.format(word.integer)) }
        case .bytesToText:
            attempt(step, count) { word, heap in Scalars.isUTF8(heap.text[Heap.range(word)]) ? word : nil }
        case .textToInteger:
            attempt(step, count) { word, heap in
                Scalars.integer(heap.text[Heap.range(word)]).map { UInt64(bitPattern: $0) }
            }
        case .textToFloat:
            attempt(step, count) { word, heap in Scalars.float(heap.text[Heap.range(word)])?.bitPattern }
        case .textToBool:
            attempt(step, count) { word, heap in Scalars.bool(heap.text[Heap.range(word)]).map { UInt64($0) } }
        case .textToTimestamp:
            attempt(step, count) { word, heap in
                Scalars.timestamp(heap.text[Heap.range(word)]).map { UInt64(bitPattern: $0) }
            }
        }
    }

    @inline(__always)
    private mutating func attempt(_ step: Instruction, _ count: Int, _ body: (UInt64, inout Heap) -> UInt64?) {
        heapMap(step, count) { word, _, _, heap, nulls in
            if let result = body(word, &heap) { return result }
            nulls.add(.badCast)
            return nil
        }
    }
}

/// Scalars from and to text, and floats to integers, as `cast` has them.
enum Scalars {
    /// Half away from zero; `nil` for what is no int64.
    static func integer(_ number: Double) -> Int64? { Int64(exactly: number.rounded()) }

    /// The shortest text that reads back the same.
    static func text(_ number: Double) -> String {
        number.isFinite ? number.description : number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
    }

    static func text(_ number: Float) -> String {
        number.isFinite ? number.description : text(Double(number))
    }

    static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, first.isSpace { rest = rest.dropFirst() }
        while let last = rest.last, last.isSpace { rest = rest.dropLast() }
        return rest
    }

    /// A whole number in decimal, or another number rounded.
    static func integer(_ bytes: ArraySlice<UInt8>) -> Int64? {
        let text = trimmed(bytes)
        var rest = text
        let negative = rest.first == UInt8(ascii: "-")
        if negative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        if !rest.isEmpty && rest.allSatisfy(\.isDigit) {
            var number: Int64 = 0
            for byte in rest {
                let digit = Int64(byte - UInt8(ascii: "0"))
                let (product, overflow) = number.multipliedReportingOverflow(by: 10)
                let (sum, carry) = negative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
                if overflow || carry { return nil }
                number = sum
            }
            return number
        }
        return float(text).flatMap { integer($0) }
    }

    /// A decimal number such as `12`, `-1.5`, `.5` or `1e-3`, or NaN, Infinity or inf in any case; spaces around do not matter.
    static func float(_ bytes: ArraySlice<UInt8>) -> Double? {
        let text = trimmed(bytes)
        var rest = text
        let negative = rest.first == UInt8(ascii: "-")
        if negative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard let first = rest.first else { return nil }
        if first.isDigit || first == UInt8(ascii: ".") {
            return isDecimal(rest) ? Double(decimal(text)) : nil
        }
        switch String(decoding: rest.map(\.lowercased), as: UTF8.self) {
        case "nan": return .nan
        case "inf", "infinity": return negative ? -.infinity : .infinity
        default: return nil
        }
    }

    /// With the zeros that Swift wants around a point.
    private static func decimal(_ text: ArraySlice<UInt8>) -> String {
        var padded: [UInt8] = []
        padded.reserveCapacity(text.count + 2)
        var last: UInt8 = 0
        for byte in text {
            if byte == UInt8(ascii: ".") && !last.isDigit { padded.append(UInt8(ascii: "0")) }
            if last == UInt8(ascii: ".") && !byte.isDigit { padded.append(UInt8(ascii: "0")) }
            padded.append(byte)
            last = byte
        }
        if last == UInt8(ascii: ".") { padded.append(UInt8(ascii: "0")) }
        return String(decoding: padded, as: UTF8.self)
    }

    private static func isDecimal(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        func digits(_ rest: inout ArraySlice<UInt8>) -> Int {
            let before = rest.count
            while let first = rest.first, first.isDigit { rest = rest.dropFirst() }
            return before - rest.count
        }
        var count = digits(&rest)
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            count += digits(&rest)
        }
        if count == 0 { return false }
        if let mark = rest.first, mark.lowercased == UInt8(ascii: "e") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
            if digits(&rest) == 0 { return false }
        }
        return rest.isEmpty
    }

    static func bool(_ bytes: ArraySlice<UInt8>) -> Bool? {
        switch String(decoding: trimmed(bytes).prefix(6).map(\.lowercased), as: UTF8.self) {
        case "true", "t", "1": true
        case "false", "f", "0": false
        default: nil
        }
    }

    /// RFC 3339 or a date.
    static func timestamp(_ bytes: ArraySlice<UInt8>) -> Microseconds? {
        let text = trimmed(bytes)
        return text.count > 40 ? nil : TimeText.parseRFC3339(String(decoding: text, as: UTF8.self))
    }
}
