import FeatureModel

/// A strict parser of one JSON text (RFC 8259), whose bytes are known to be UTF-8.
struct JSONParser {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    mutating func parse(into document: inout JSONDocument) throws(HeadwaterError) {
        try value(into: &document, depth: 0)
        skipSpace()
        guard index == bytes.endIndex else { throw malformed("text behind the end of the value") }
    }

    private mutating func value(into document: inout JSONDocument, depth: Int) throws(HeadwaterError) {
        skipSpace()
        switch peek ?? 0 {
        case UInt8(ascii: "{"): try object(into: &document, depth: depth + 1)
        case UInt8(ascii: "["): try array(into: &document, depth: depth + 1)
        case UInt8(ascii: "\""): try string(into: &document)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number(into: &document)
        case UInt8(ascii: "t"): try literal("true", .true, into: &document)
        case UInt8(ascii: "f"): try literal("false", .false, into: &document)
        case UInt8(ascii: "n"): try literal("null", .null, into: &document)
        default: throw malformed("a value is missing")
        }
    }

    private mutating func object(into document: inout JSONDocument, depth: Int) throws(HeadwaterError) {
        let object = try open(.object, into: &document, depth: depth)
        var count = 0
        if !takeAfterSpace("}") {
            repeat {
                skipSpace()
                guard peek == UInt8(ascii: "\"") else { throw malformed("a name in quotes is missing") }
                try string(into: &document)
                guard takeAfterSpace(":") else { throw malformed("':' is missing") }
                skipSpace()
                let start = index
                try value(into: &document, depth: depth)
                if depth == 1 { document.append(memberValue: start..<index) }
                count += 1
            } while takeAfterSpace(",")
            guard takeAfterSpace("}") else { throw malformed("',' or '}' is missing") }
        }
        document.close(object, count: count)
        if let name = document.duplicateName(in: object) { throw malformed("the name \(excerpt(name)) comes twice") }
    }

    private mutating func array(into document: inout JSONDocument, depth: Int) throws(HeadwaterError) {
        let array = try open(.array, into: &document, depth: depth)
        var count = 0
        if !takeAfterSpace("]") {
            repeat {
                try value(into: &document, depth: depth)
                count += 1
            } while takeAfterSpace(",")
            guard takeAfterSpace("]") else { throw malformed("',' or ']' is missing") }
        }
        document.close(array, count: count)
    }

    private mutating func open(
        _ kind: JSONDocument.Kind, into document: inout JSONDocument, depth: Int
    ) throws(HeadwaterError) -> Int {
        guard depth <= TableLimits.nestingMax else { throw malformed("nested deeper than \(TableLimits.nestingMax)") }
        index += 1
        document.append(kind)
        return document.tokens.count - 1
    }

    private mutating func literal(
        _ word: StaticString, _ kind: JSONDocument.Kind, into document: inout JSONDocument
    ) throws(HeadwaterError) {
        for byte in word.description.utf8 {
            guard peek == byte else { throw malformed("a value is missing") }
            index += 1
        }
        document.append(kind)
    }

    private mutating func number(into document: inout JSONDocument) throws(HeadwaterError) {
        let start = index
        _ = take("-")
        // A zero stands alone before the point.
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        let textStart = document.text.count
        document.append(bytes[start..<index])
        document.appendText(.number, from: textStart)
    }

    private mutating func digits() throws(HeadwaterError) {
        let start = index
        while let byte = peek, isDigit(byte) { index += 1 }
        guard index > start else { throw malformed("a digit is missing") }
    }

    private mutating func string(into document: inout JSONDocument) throws(HeadwaterError) {
        let textStart = document.text.count
        index += 1
        while true {
            let start = index
            while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
            document.append(bytes[start..<index])
            if take("\"") { break }
            guard take("\\") else {
                throw malformed(
                    peek == nil ? "a string is never closed" : "a control character in a string: write it as an escape")
            }
            try escape(into: &document)
        }
        document.appendText(.string, from: textStart)
    }

    private mutating func escape(into document: inout JSONDocument) throws(HeadwaterError) {
        guard let byte = peek else { throw malformed("a string is never closed") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): document.append(byte)
        case UInt8(ascii: "b"): document.append(0x08)
        case UInt8(ascii: "f"): document.append(0x0C)
        case UInt8(ascii: "n"): document.append(0x0A)
        case UInt8(ascii: "r"): document.append(0x0D)
        case UInt8(ascii: "t"): document.append(0x09)
        case UInt8(ascii: "u"):
            for unit in UTF8.encode(try escapedScalar())! { document.append(unit) }
        default: throw malformed("an unknown escape")
        }
    }

    /// The scalar of `\uXXXX`, or of two such that are a surrogate pair; the first `\u` has been taken.
    private mutating func escapedScalar() throws(HeadwaterError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, take("\\"), take("u") else { throw malformed("half a surrogate pair") }
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw malformed("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(HeadwaterError) -> UInt32 {
        var number: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw malformed("four hexadecimal digits are missing")
            }
            number = number << 4 | UInt32(digit)
            index += 1
        }
        return number
    }

    private var peek: UInt8? { index < bytes.endIndex ? bytes[index] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func takeAfterSpace(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        return take(character)
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private func malformed(_ what: String) -> HeadwaterError {
        HeadwaterError(.invalidArgument, "not JSON at byte \(index - bytes.startIndex + 1): \(what)")
    }
}
