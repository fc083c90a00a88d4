import FeatureModel
import Tables

/// Keys, or other columns of a request, as they stand on the command line: `origin=JFK,carrier=UA`.
///
/// A backslash takes the next character as it is, so `\,` `\=` `\\` stand for themselves. Nothing behind the equals sign is
/// null, `""` the empty string, as in CSV.
struct KeyText {
    /// Name and value of each key column; `nil` is null.
    let parts: [(name: String, value: String?)]

    /// - Throws: `.invalidArgument` that shows the form.
    init(_ text: String, option: String, noun: String = "key") throws(HeadwaterError) {
        func refuse(_ why: String) -> HeadwaterError {
            HeadwaterError(
                .invalidArgument,
                "\(why); write \(option) \(noun.uppercased())=VALUE,\(noun.uppercased())2=VALUE2, with \\, \\= and \\\\ for those characters themselves",
                at: "\(option) '\(text)'")
        }
        var parts: [(name: String, value: String?)] = []
        var name: String?
        var current = ""
        var isEscaped = false
        func finish() throws(HeadwaterError) {
            guard let name, !name.isEmpty else { throw refuse("'\(current)' has no equals sign") }
            guard !parts.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
                throw refuse("\(noun) '\(name)' stands there twice")
            }
            parts.append((name, current.isEmpty ? nil : current == "\"\"" ? "" : current))
        }
        // The text is read scalar by scalar: a combining mark behind an equals sign is text.
        for character in text.unicodeScalars {
            if isEscaped {
                current.unicodeScalars.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "=", name == nil {
                name = current
                current = ""
            } else if character == "," {
                try finish()
                (name, current) = (nil, "")
            } else {
                current.unicodeScalars.append(character)
            }
        }
        guard !isEscaped else { throw refuse("a backslash at the end") }
        if !text.isEmpty { try finish() }
        self.parts = parts
    }

    /// The keys of several entities as one batch: column `i` is `fields[i]`.
    ///
    /// - Throws: `.invalidArgument` for a key that is missing, unknown or not of its type.
    static func batch(
        _ entities: [KeyText], fields: [Field], option: String, noun: String = "key", keysAreRequired: Bool, timeUnit: TimeUnit?
    ) throws(HeadwaterError) -> Batch {
        let wanted = fields.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
        for (index, entity) in entities.enumerated() {
            let place = "\(option) number \(index + 1)"
            for part in entity.parts where !fields.contains(where: { $0.name.utf8.elementsEqual(part.name.utf8) }) {
                throw HeadwaterError(
                    .invalidArgument, "'\(part.name)' is no \(noun) here; the \(noun)s are: \(wanted.isEmpty ? "none" : wanted)",
                    at: place)
            }
            for field in fields where entity.value(field.name) == nil {
                throw HeadwaterError(.invalidArgument, "\(noun) '\(field.name)' is missing; give \(wanted)", at: place)
            }
        }
        if fields.isEmpty { return Batch(rowCount: entities.count, columns: []) }
        var csv = fields.map { quoted($0.name) }.joined(separator: ",") + "\n"
        for entity in entities {
            csv += fields.map { entity.value($0.name)!.map(quoted) ?? "" }.joined(separator: ",") + "\n"
        }
        var text: ArraySlice<UInt8>? = Array(csv.utf8)[...]
        let columns = fields.enumerated().map { TableColumn($1.name, $1.type, ordinal: $0, isRequired: keysAreRequired) }
        var options = TableOptions()
        options.batchRowsMax = max(1, entities.count)
        options.batchBytesMax = Limits.batchBytesMax / 2
        options.timeUnit = timeUnit
        var decoder = try TableDecoder(.csv, name: option, columns: columns, options: options) { () throws(HeadwaterError) in
            defer { text = nil }
            return text
        }
        let rows: TableBatch?
        do { rows = try decoder.next() } catch { throw located(error, entities, fields, option, noun, keysAreRequired, timeUnit) }
        guard let rows else { throw HeadwaterError(.invalidArgument, "give \(option) \(noun.uppercased())=VALUE,…") }
        try decoder.checkTimes()
        return rows.batch
    }

    /// The error at the option that it stands in, where the rows of the table of all options are nobody's.
    private static func located(
        _ error: HeadwaterError, _ entities: [KeyText], _ fields: [Field], _ option: String, _ noun: String,
        _ keysAreRequired: Bool, _ timeUnit: TimeUnit?
    ) -> HeadwaterError {
        for (index, entity) in entities.enumerated() where entities.count > 1 {
            do throws(HeadwaterError) {
                _ = try batch(
                    [entity], fields: fields, option: option, noun: noun, keysAreRequired: keysAreRequired, timeUnit: timeUnit)
            } catch {
                return HeadwaterError(error.code, error.message, at: "\(option) number \(index + 1)")
            }
        }
        let column = error.location?.ranges(of: "column ").last.map { String(error.location![$0.upperBound...]) }
        return HeadwaterError(error.code, (column.map { "\(noun) \($0): " } ?? "") + error.message, at: option)
    }

    /// The value of a key: `nil` where it was not given, `.some(nil)` where it is null.
    private func value(_ name: String) -> String?? {
        parts.first { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
