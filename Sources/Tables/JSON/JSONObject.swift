public import FeatureModel

/// A JSON object whose members are asked for by name: what a request holds. Numbers stay exact, whatever their size.
public struct JSONObject: Sendable {
    let document: JSONDocument
    private let token: Int
    /// Where the object stands: `spine`; empty for the outermost.
    private let place: String
    private let keeper: (any AnyObject & Sendable)?

    /// - Throws: `.invalidArgument` for bytes that are no JSON, no object, or have an object in them that names a member twice.
    public init(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        var document = JSONDocument()
        try document.parse(bytes)
        guard document.kind(0) == .object else { throw invalid("\(document.describe(0)) where an object is expected") }
        self.init(document, 0, place: "")
    }

    private init(_ document: JSONDocument, _ token: Int, place: String, keeper: (any AnyObject & Sendable)? = nil) {
        (self.document, self.token, self.place, self.keeper) = (document, token, place, keeper)
    }

    /// What it takes in memory; those inside of it share that.
    public var byteCount: Int { document.byteCount }

    /// The same object, which keeps another one alive for as long as it, or one inside of it, is there.
    public func kept(by keeper: any AnyObject & Sendable) -> JSONObject {
        JSONObject(document, token, place: place, keeper: keeper)
    }

    public var names: [String] {
        var names: [String] = []
        forEachMember { name, _ in names.append(String(decoding: document.text(name), as: UTF8.self)) }
        return names
    }

    /// Refuses members that nobody asks for: most likely they are misspelt.
    public func check(only known: [String]) throws(HeadwaterError) {
        for name in names where !known.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
            throw HeadwaterError(
                .invalidArgument, "unknown member '\(escapingControls(name))'; there are \(known.joined(separator: ", "))",
                at: place.isEmpty ? nil : place)
        }
    }

    // MARK: Values; `nil` where the member is missing or null

    public func text(_ name: String) throws(HeadwaterError) -> String? {
        try value(name).map { (value) throws(HeadwaterError) in
            guard document.kind(value) == .string else { throw wrong(name, value, "a string") }
            return String(decoding: document.text(value), as: UTF8.self)
        }
    }

    public func bool(_ name: String) throws(HeadwaterError) -> Bool? {
        try value(name).map { (value) throws(HeadwaterError) in
            switch document.kind(value) {
            case .true: return true
            case .false: return false
            default: throw wrong(name, value, "true or false")
            }
        }
    }

    /// A whole number from 0, as a number or as a string, which some languages need for what is beyond 2^53.
    public func position(_ name: String) throws(HeadwaterError) -> UInt64? {
        try value(name).map { (value) throws(HeadwaterError) in
            let kind = document.kind(value)
            let text = document.text(value)
            guard kind == .number || kind == .string, text.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true,
                let number = UInt64(String(decoding: text, as: UTF8.self))
            else { throw wrong(name, value, "a whole number from 0") }
            return number
        }
    }

    /// RFC 3339, or whole microseconds since 1970.
    public func time(_ name: String) throws(HeadwaterError) -> Microseconds? {
        try value(name).map { (value) throws(HeadwaterError) in
            let text = document.text(value)
            switch document.kind(value) {
            case .number: if let number = NumberText.int64(text) { return number }
            case .string: if let time = TimeText.parseRFC3339(String(decoding: text, as: UTF8.self)) { return time }
            default: break
            }
            throw wrong(name, value, "a time: RFC 3339, such as 2013-01-01T06:00:00Z, or whole microseconds since 1970")
        }
    }

    public func texts(_ name: String) throws(HeadwaterError) -> [String]? {
        guard let value = value(name) else { return nil }
        guard document.kind(value) == .array else { throw wrong(name, value, "a list of strings") }
        var texts: [String] = []
        var element = value + 1
        for _ in 0..<document.count(value) {
            guard document.kind(element) == .string else { throw wrong(name, element, "a string") }
            texts.append(String(decoding: document.text(element), as: UTF8.self))
            element = document.next(after: element)
        }
        return texts
    }

    public func object(_ name: String) throws(HeadwaterError) -> JSONObject? {
        try value(name).map { (value) throws(HeadwaterError) in
            guard document.kind(value) == .object else { throw wrong(name, value, "an object") }
            return JSONObject(document, value, place: location(name), keeper: keeper)
        }
    }

    // MARK: Columns

    /// The cells of one column, a list; `nil` where the member is missing.
    ///
    /// - Throws: `.invalidArgument` naming the element that is not of the type.
    public func column(_ name: String, _ type: FeatureType, unit: TimeUnit?) throws(HeadwaterError) -> Column? {
        guard let value = anyValue(name) else { return nil }
        guard document.kind(value) == .array else { throw wrong(name, value, "a list of cells") }
        var builder = CellBuilder(type)
        var times = WholeTimes(unit: unit)
        var element = value + 1
        for index in 0..<document.count(value) {
            do throws(HeadwaterError) { try builder.append(json: element, of: document, &times) } catch {
                throw HeadwaterError(.invalidArgument, error.message, at: "\(location(name))[\(index)]")
            }
            element = document.next(after: element)
        }
        if let problem = times.problem(option: "time_unit") {
            throw HeadwaterError(.invalidArgument, problem, at: location(name))
        }
        return builder.finish()
    }

    /// Rows: `"columns": {"k": […], …}`, lists of one length, or `"rows": [{"k": …, …}, …]`.
    ///
    /// - Returns: the wanted columns that there are, by rising ordinal; of those that no row has, none.
    /// - Parameter bytesMax: of the columns together.
    /// - Throws: `.invalidArgument` naming row and column, for what nobody wants, and for a required column that is missing;
    ///   `.outOfRange` for rows that take more bytes.
    public func batch(
        _ wanted: [TableColumn], unit: TimeUnit?, bytesMax: Int = Limits.batchBytesMax
    ) throws(HeadwaterError) -> Batch {
        switch (try object("columns"), anyValue("rows")) {
        case (let columns?, nil): try columns.batchOfColumns(wanted, unit: unit)
        case (nil, let rows?): try batchOfRows(rows, wanted, unit: unit, bytesMax: bytesMax)
        default:
            throw HeadwaterError(
                .invalidArgument, "give either 'rows', a list of objects, or 'columns', an object of lists",
                at: place.isEmpty ? nil : place)
        }
    }

    private func batchOfColumns(_ wanted: [TableColumn], unit: TimeUnit?) throws(HeadwaterError) -> Batch {
        let names = names
        var found: [(ordinal: Int, column: Column)] = []
        for column in wanted {
            let given = ([column.name] + column.oldNames).filter { name in names.contains { $0.utf8.elementsEqual(name.utf8) } }
            guard given.count < 2 else {
                throw HeadwaterError(
                    .invalidArgument, "'\(given[1])' and '\(given[0])' are both '\(column.name)': keep one", at: place)
            }
            guard let name = given.first, let cells = try self.column(name, column.type, unit: unit) else {
                if column.isRequired { throw missing(column.name, names) }
                continue
            }
            if column.isRequired, let row = (0..<cells.count).first(where: { cells.isNull($0) }) {
                throw HeadwaterError(.invalidArgument, "null; every row needs a value here", at: "\(location(name))[\(row)]")
            }
            found.append((column.ordinal, cells))
        }
        try check(only: wanted.flatMap { [$0.name] + $0.oldNames })
        guard let rowCount = found.first?.column.count else { return Batch(rowCount: 0, columns: []) }
        for (index, one) in found.enumerated() where one.column.count != rowCount {
            throw HeadwaterError(
                .invalidArgument,
                "column \(index + 1) of those given has \(counted(one.column.count, "cell")), the first one \(rowCount)",
                at: place)
        }
        return Batch(rowCount: rowCount, columns: found.sorted { $0.ordinal < $1.ordinal })
    }

    private func batchOfRows(
        _ rows: Int, _ wanted: [TableColumn], unit: TimeUnit?, bytesMax: Int
    ) throws(HeadwaterError) -> Batch {
        guard document.kind(rows) == .array else { throw wrong("rows", rows, "a list of objects") }
        var builders = wanted.map { CellBuilder($0.type) }
        var times = wanted.map { _ in WholeTimes(unit: unit) }
        var isSeen = wanted.map { _ in false }
        var places: [ByteString: Int] = [:]
        for (index, column) in wanted.enumerated() {
            for name in [column.name] + column.oldNames where places[ByteString(name)] == nil { places[ByteString(name)] = index }
        }
        var row = rows + 1
        for number in 0..<document.count(rows) {
            let place = "\(location("rows"))[\(number)]"
            guard document.kind(row) == .object else {
                throw HeadwaterError(.invalidArgument, "\(document.describe(row)) where a row is an object", at: place)
            }
            var name = row + 1
            for _ in 0..<document.count(row) {
                let value = name + 1
                guard let index = places[ByteString(document.text(name))] else {
                    throw HeadwaterError(
                        .invalidArgument,
                        "unknown column \(excerpt(document.text(name))); there are \(wanted.map(\.name).joined(separator: ", "))",
                        at: place)
                }
                // Columns that no row names cost nothing.
                if !isSeen[index] { while builders[index].count < number { builders[index].appendNull() } }
                guard builders[index].count == number else {
                    throw HeadwaterError(.invalidArgument, "'\(wanted[index].name)' is there twice", at: place)
                }
                isSeen[index] = true
                do throws(HeadwaterError) {
                    if document.kind(value) == .null, wanted[index].isRequired {
                        throw invalid("null; every row needs a value here")
                    }
                    try builders[index].append(json: value, of: document, &times[index])
                } catch { throw HeadwaterError(.invalidArgument, error.message, at: "\(place).\(wanted[index].name)") }
                name = document.next(after: value)
            }
            for index in wanted.indices where (isSeen[index] || wanted[index].isRequired) && builders[index].count == number {
                if wanted[index].isRequired {
                    throw HeadwaterError(.invalidArgument, "'\(wanted[index].name)' is missing", at: place)
                }
                builders[index].appendNull()
            }
            row = document.next(after: row)
            guard number % 256 == 255 else { continue }
            guard builders.reduce(0, { $0 + $1.byteCount }) <= bytesMax else {
                throw HeadwaterError(.outOfRange, "rows of more than \(bytesMax) bytes: send fewer at once", at: location("rows"))
            }
        }
        for index in wanted.indices {
            guard let problem = times[index].problem(option: "time_unit") else { continue }
            throw HeadwaterError(.invalidArgument, problem, at: "\(location("rows")).\(wanted[index].name)")
        }
        let found = wanted.indices.filter { isSeen[$0] || wanted[$0].isRequired }.map { index in
            (ordinal: wanted[index].ordinal, column: builders[index].finish())
        }
        return Batch(rowCount: document.count(rows), columns: found.sorted { $0.ordinal < $1.ordinal })
    }

    // MARK: Members

    private func forEachMember(_ body: (_ name: Int, _ value: Int) -> Void) {
        var name = token + 1
        for _ in 0..<document.count(token) {
            body(name, name + 1)
            name = document.next(after: name + 1)
        }
    }

    /// The token of a member's value, null included.
    private func anyValue(_ name: String) -> Int? {
        var found: Int?
        forEachMember { if document.text($0).elementsEqual(name.utf8) { found = $1 } }
        return found
    }

    private func value(_ name: String) -> Int? { anyValue(name).flatMap { document.kind($0) == .null ? nil : $0 } }

    private func location(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    private func wrong(_ name: String, _ value: Int, _ wanted: String) -> HeadwaterError {
        HeadwaterError(.invalidArgument, "\(document.describe(value)) is not \(wanted)", at: location(name))
    }

    private func missing(_ name: String, _ names: [String]) -> HeadwaterError {
        HeadwaterError(
            .invalidArgument, "'\(name)' is missing; given are \(names.isEmpty ? "none" : names.joined(separator: ", "))",
            at: place.isEmpty ? nil : place)
    }
}

extension CellBuilder {
    /// Appends a JSON value; a whole number may also be a string, which some languages need for what is beyond 2^53.
    mutating func append(json token: Int, of document: JSONDocument, _ times: inout WholeTimes) throws(HeadwaterError) {
        if document.kind(token) == .string, type == .int64 || type == .int32, NumberText.isInteger(document.text(token)) {
            return try append(parsing: document.text(token), &times)
        }
        try append(token, of: document, &times)
    }
}
