import FeatureModel

/// One parsed JSON text as a run of tokens in document order. Its storage is used again from text to text.
///
/// Numbers stay text, so an int64 is exact; strings are unescaped.
struct JSONDocument: Sendable {
    enum Kind: UInt8, Sendable {
        case null
        case `true`
        case `false`
        case number
        case string
        case array
        case object
    }

    /// A scalar's text is `text[start..<end]`. A container has `start` elements or members and ends before token `end`;
    /// a member is a string token and the tokens of its value.
    struct Token: Sendable {
        let kind: Kind
        var start: UInt32 = 0
        var end: UInt32 = 0
    }

    private(set) var tokens: [Token] = []
    /// Text of numbers and strings, one behind the other.
    private(set) var text: [UInt8] = []
    /// Where the values of an object's members stand in the parsed bytes, of token 0 alone.
    private(set) var memberValues: [Range<Int>] = []

    /// Parses one JSON text into token 0 and what belongs to it.
    ///
    /// - Complexity: O(bytes).
    /// - Throws: `.invalidArgument` with the byte at which the text stops being JSON.
    mutating func parse(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        guard bytes.count <= TableLimits.recordBytesMax else {
            throw invalid("a JSON text of \(bytes.count) bytes; the limit is \(TableLimits.recordBytesMax)")
        }
        guard isUTF8(bytes) else { throw invalid("the text is not UTF-8") }
        tokens.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        memberValues.removeAll(keepingCapacity: true)
        var parser = JSONParser(bytes)
        try parser.parse(into: &self)
    }

    /// What it takes in memory.
    var byteCount: Int {
        tokens.capacity * MemoryLayout<Token>.stride + text.capacity + memberValues.capacity * MemoryLayout<Range<Int>>.stride
    }

    func kind(_ token: Int) -> Kind { tokens[token].kind }

    /// The text of a number or string token, sharing the document's storage.
    func text(_ token: Int) -> ArraySlice<UInt8> { text[Int(tokens[token].start)..<Int(tokens[token].end)] }

    /// Elements of an array, members of an object.
    func count(_ token: Int) -> Int { Int(tokens[token].start) }

    /// The token behind this one and all that belongs to it.
    func next(after token: Int) -> Int {
        switch tokens[token].kind {
        case .array, .object: Int(tokens[token].end)
        default: token + 1
        }
    }

    /// What a message calls a value: its text, or its kind.
    func describe(_ token: Int) -> String {
        switch tokens[token].kind {
        case .null: "null"
        case .true: "true"
        case .false: "false"
        case .number: excerpt(text(token))
        case .string: "the string \(excerpt(text(token)))"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONDocument {
    mutating func append(_ kind: Kind) { tokens.append(Token(kind: kind)) }

    mutating func append(memberValue place: Range<Int>) { memberValues.append(place) }

    mutating func append(_ byte: UInt8) { text.append(byte) }

    mutating func append(_ bytes: ArraySlice<UInt8>) { text.append(contentsOf: bytes) }

    /// Ends a number or string whose text started at `start`.
    mutating func appendText(_ kind: Kind, from start: Int) {
        tokens.append(Token(kind: kind, start: UInt32(start), end: UInt32(text.count)))
    }

    /// Closes the container whose token is `token`.
    mutating func close(_ token: Int, count: Int) {
        tokens[token].start = UInt32(count)
        tokens[token].end = UInt32(tokens.count)
    }

    /// The first name that an object has twice.
    func duplicateName(in object: Int) -> ArraySlice<UInt8>? {
        let count = count(object)
        var token = object + 1
        if count <= 16 {
            // Few names: comparing them is cheaper than hashing.
            var earlier: [Int] = []
            earlier.reserveCapacity(count)
            for _ in 0..<count {
                let name = text(token)
                if earlier.contains(where: { text($0) == name }) { return name }
                earlier.append(token)
                token = next(after: token + 1)
            }
            return nil
        }
        var seen: Set<ByteString> = []
        for _ in 0..<count {
            if !seen.insert(ByteString(text(token))).inserted { return text(token) }
            token = next(after: token + 1)
        }
        return nil
    }
}
