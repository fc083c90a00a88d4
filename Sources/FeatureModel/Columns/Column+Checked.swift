extension Column {
    /// Wraps buffers from outside, checking all that readers rely on: lengths, offsets that rise and end inside,
    /// null counts, UTF-8.
    ///
    /// - Complexity: O(cells + bytes).
    /// - Throws: `.invalidArgument` that says what is wrong.
    public static func checked(
        type: FeatureType, count: Int, nullCount: Int, validity: ArraySlice<UInt8>, offsets: ArraySlice<UInt8>,
        elementValidity: ArraySlice<UInt8>, elementOffsets: ArraySlice<UInt8>, data: ArraySlice<UInt8>
    ) throws(HeadwaterError) -> Column {
        // Offsets are 32 bits wide; within that no product of a count and a width overflows.
        guard (0...Int(Int32.max)).contains(count) else { throw malformed("a count of \(count) cells") }
        try checkValidity(validity, count: count, nullCount: nullCount)
        var isEmpty = elementValidity.isEmpty && elementOffsets.isEmpty
        switch type {
        case .array(let element):
            let elementCount = try checkOffsets(offsets, count: count, width: element.fixedWidth ?? 1)
            isEmpty = true
            if !elementValidity.isEmpty && elementValidity.count != bitmapBytes(elementCount) {
                throw malformed("\(elementValidity.count) bytes of element validity for \(elementCount) elements")
            }
            try checkCells(element, count: elementCount, offsets: elementOffsets, data: data)
        default:
            try checkCells(type, count: count, offsets: offsets, data: data)
        }
        guard isEmpty else { throw malformed("element buffers on a column of \(type)") }
        return Column(
            type: type, count: count, nullCount: nullCount, validity: validity, offsets: offsets,
            elementValidity: elementValidity, elementOffsets: elementOffsets, data: data)
    }

    private static func malformed(_ what: String) -> HeadwaterError {
        HeadwaterError(.invalidArgument, "malformed column: \(what)")
    }

    private static func checkValidity(_ validity: ArraySlice<UInt8>, count: Int, nullCount: Int) throws(HeadwaterError) {
        if validity.isEmpty {
            guard nullCount == 0 else { throw malformed("\(nullCount) nulls without validity bits") }
            return
        }
        guard validity.count == bitmapBytes(count) else {
            throw malformed("\(validity.count) bytes of validity for \(count) cells")
        }
        let nulls = count - validity.setBits(count)
        guard nulls == nullCount else { throw malformed("validity has \(nulls) nulls where \(nullCount) are stated") }
    }

    private static func checkCells(
        _ type: FeatureType, count: Int, offsets: ArraySlice<UInt8>, data: ArraySlice<UInt8>
    ) throws(HeadwaterError) {
        if type.isText {
            guard try checkOffsets(offsets, count: count) == data.count else {
                throw malformed("offsets do not end where the data does")
            }
            if type == .string { try checkText(offsets, count: count, data: data) }
            return
        }
        guard offsets.isEmpty else { throw malformed("offsets on a column of \(type)") }
        let expected = type == .bool ? bitmapBytes(count) : count * type.fixedWidth!
        guard data.count == expected else { throw malformed("\(data.count) bytes of data for \(count) cells of \(type)") }
    }

    /// - Parameter width: bytes of what an offset counts.
    /// - Returns: the last offset.
    private static func checkOffsets(_ offsets: ArraySlice<UInt8>, count: Int, width: Int = 1) throws(HeadwaterError) -> Int {
        guard offsets.count == (count + 1) * 4 else { throw malformed("\(offsets.count) bytes of offsets for \(count) cells") }
        let span = unsafe offsets.span.bytes
        var previous: Int32 = span.littleEndian(at: 0)
        guard previous == 0 else { throw malformed("offsets start at \(previous)") }
        for row in 1..<(count + 1) {
            let next: Int32 = span.littleEndian(at: row * 4)
            guard next >= previous, (Int(next) - Int(previous)) * width <= Limits.cellBytesMax else {
                throw malformed("offsets fall, or a cell is larger than \(Limits.cellBytesMax) bytes, at cell \(row - 1)")
            }
            previous = next
        }
        return Int(previous)
    }

    /// Text is valid as a whole and cut only between characters: then every cell is valid.
    private static func checkText(_ offsets: ArraySlice<UInt8>, count: Int, data: ArraySlice<UInt8>) throws(HeadwaterError) {
        guard isUTF8(data) else { throw malformed("a string is not UTF-8") }
        for row in 0..<count {
            let start = Int(offsets.littleEndian(at: row * 4, as: Int32.self))
            if start < data.count, data[data.startIndex + start] & 0xC0 == 0x80 {
                throw malformed("the string at cell \(row) starts inside a character")
            }
        }
    }
}

/// Whether the bytes are well-formed UTF-8.
public func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
    if bytes.allSatisfy({ $0 < 0x80 }) { return true }
    return String(validating: bytes, as: UTF8.self) != nil
}
