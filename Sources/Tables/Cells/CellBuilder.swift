import FeatureModel

/// Builds one column of any type from CSV cells or JSON values.
///
/// Elements of all arrays go into one builder, whose buffers become the array column's as they are. After an error the
/// builder holds half a cell and is thrown away.
struct CellBuilder {
    let type: FeatureType
    /// The cells, or the elements of an array column.
    private var scalars: ColumnBuilder
    private var lists: ListBuilder?
    /// Parses arrays in CSV cells.
    private var document = JSONDocument()

    init(_ type: FeatureType) {
        self.type = type
        if case .array(let element) = type {
            scalars = ColumnBuilder(element)
            lists = ListBuilder()
        } else {
            scalars = ColumnBuilder(type)
        }
    }

    /// Cells so far.
    var count: Int { lists?.count ?? scalars.count }

    /// Bytes held so far.
    var byteCount: Int { scalars.byteCount + (lists?.byteCount ?? 0) }

    mutating func appendNull() {
        if lists != nil {
            lists!.append(isNull: true, end: scalars.count)
        } else {
            scalars.appendNull()
        }
    }

    /// Appends a cell that is not null, parsed from the text of a CSV cell.
    ///
    /// - Parameter times: reads times that are whole numbers.
    mutating func append(parsing text: ArraySlice<UInt8>, _ times: inout WholeTimes) throws(HeadwaterError) {
        if type.isScalar { return try scalars.append(parsing: text, &times) }
        do {
            try document.parse(text)
        } catch {
            throw invalid("\(excerpt(text)) is not \(article(type)): \(error.message)")
        }
        // A null cell is an empty one; the array cannot be null again inside.
        guard document.kind(0) == .array else { throw invalid("\(excerpt(text)) is not \(article(type)): write it as JSON") }
        try appendList(0, of: document, &times)
    }

    mutating func append(_ token: Int, of document: JSONDocument, _ times: inout WholeTimes) throws(HeadwaterError) {
        if type.isScalar { return try scalars.append(token, of: document, &times) }
        switch document.kind(token) {
        case .null: appendNull()
        case .array: try appendList(token, of: document, &times)
        default: throw invalid("\(document.describe(token)) is not \(article(type))")
        }
    }

    private mutating func appendList(
        _ list: Int, of document: JSONDocument, _ times: inout WholeTimes
    ) throws(HeadwaterError) {
        if case .vector(let length) = type { return try appendVector(list, length: length, of: document, &times) }
        let bytesBefore = scalars.byteCount
        var token = list + 1
        for index in 0..<document.count(list) {
            do {
                try scalars.append(token, of: document, &times)
            } catch {
                throw invalid("element \(index + 1): \(error.message)")
            }
            token = document.next(after: token)
        }
        guard scalars.byteCount - bytesBefore <= Limits.cellBytesMax else {
            throw invalid("an array of \(scalars.byteCount - bytesBefore) bytes; the limit is \(Limits.cellBytesMax)")
        }
        lists!.append(isNull: false, end: scalars.count)
    }

    private mutating func appendVector(
        _ list: Int, length: Int, of document: JSONDocument, _ times: inout WholeTimes
    ) throws(HeadwaterError) {
        guard document.count(list) == length else {
            throw invalid("\(counted(document.count(list), "element")) where \(type) has \(length)")
        }
        var numbers = ColumnBuilder(.float32, capacity: length)
        var token = list + 1
        for index in 0..<length {
            do throws(HeadwaterError) {
                guard document.kind(token) != .null else { throw invalid("a vector holds no null") }
                try numbers.append(token, of: document, &times)
            } catch {
                throw invalid("element \(index + 1): \(error.message)")
            }
            token = document.next(after: token)
        }
        scalars.append(fixedBytes: numbers.finish().data)
    }

    consuming func finish() -> Column {
        guard let lists else { return scalars.finish() }
        return lists.column(type, elements: scalars.finish())
    }
}

/// Validity and offsets of an array column.
private struct ListBuilder {
    private(set) var count = 0
    private var nullCount = 0
    private var validity: [UInt8] = []
    private var offsets: [UInt8] = [0, 0, 0, 0]

    var byteCount: Int { validity.count + offsets.count }

    /// Ends a cell behind element `end`.
    mutating func append(isNull: Bool, end: Int) {
        validity.appendBit(!isNull, at: count)
        offsets.append(littleEndian: Int32(end))
        count += 1
        if isNull { nullCount += 1 }
    }

    func column(_ type: FeatureType, elements: Column) -> Column {
        Column(
            type: type, count: count, nullCount: nullCount, validity: nullCount > 0 ? validity[...] : [], offsets: offsets[...],
            elementValidity: elements.validity, elementOffsets: elements.offsets, data: elements.data)
    }
}
