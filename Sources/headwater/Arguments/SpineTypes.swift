import ArgumentParser
import FeatureModel

/// `--spine-type`.
struct SpineTypes: ParsableArguments {
    @Option(
        name: .customLong("spine-type"),
        help: ArgumentHelp(
            "Give a further column of the spine a type, such as label=int64: its cells are checked, and written in that type's one form. "
                + "Without, cells of CSV stay as they stand, as text. May be repeated.",
            valueName: "column=type"))
    var columns: [String] = []

    func validate() throws {
        do throws(HeadwaterError) { _ = try fields(besides: []) } catch {
            throw ValidationError("\(error.location ?? "--spine-type"): \(error.message)")
        }
    }

    /// The columns that were given a type.
    ///
    /// - Parameter known: keys and time, whose types are those of the features.
    func fields(besides known: [Field]) throws(HeadwaterError) -> [Field] {
        var fields: [Field] = []
        for text in columns {
            let place = "--spine-type '\(text)'"
            guard let equals = text.lastIndex(of: "="), equals > text.startIndex else {
                throw HeadwaterError(.invalidArgument, "write COLUMN=TYPE, such as label=int64", at: place)
            }
            let name = String(text[..<equals])
            let type: FeatureType
            do { type = try FeatureType.parse(String(text[text.index(after: equals)...])) } catch {
                throw error.located(at: place)
            }
            guard !known.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
                throw HeadwaterError(
                    .invalidArgument, "'\(name)' is a key or the time, and has the type that the features say", at: place)
            }
            guard !fields.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
                throw HeadwaterError(.invalidArgument, "'\(name)' has two types", at: place)
            }
            fields.append(Field(name, type))
        }
        return fields
    }
}
