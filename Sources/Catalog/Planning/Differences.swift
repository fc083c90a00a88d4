internal import FeatureModel

/// The differences of one thing, as lines for people, and what of them is refused.
struct Differences {
    private(set) var lines: [String] = []
    private(set) var refusals: [Plan.Refusal] = []
    private(set) var warnings: [String] = []

    mutating func note(_ line: String) { lines.append(line) }

    /// Notes what is allowed, and yet likely not meant.
    mutating func warn(_ line: String) { warnings.append(line) }

    /// Notes a field of something new, where it is given.
    mutating func noteNew<T>(_ field: String, _ value: T?) {
        if let value { note("+ \(field) \(value)") }
    }

    /// Notes plain fields of something new, where they are given.
    mutating func noteNew<Thing>(_ fields: [DefinitionField<Thing>], of thing: Thing) {
        for field in fields where field.isToldOfNew { noteNew(field.name, field.spelt(thing)) }
    }

    /// Notes a new feature with all that is said of it.
    mutating func noteNew(_ feature: FeatureDefinition) {
        var line = "+ feature \(feature.name) \(feature.type)"
        if let checks = feature.checks { line += ", checks \(checks.spelt(of: feature.type))" }
        for field in FeatureDefinition.words.reversed() {
            if let text = field.spelt(feature) { line += ", \(field.name) \(text)" }
        }
        if let text = feature.deprecated { line += ", deprecated: \(text)" }
        note(line)
    }

    /// - Parameter remedy: what to do instead.
    mutating func refuse(_ path: String, _ what: String, _ remedy: String) {
        lines.append("! \(what): \(remedy)")
        refusals.append(Plan.Refusal(path: path, message: "\(what): \(remedy)"))
    }

    mutating func compare<T: Equatable>(_ field: String, _ old: T?, _ new: T?) {
        guard old != new else { return }
        func spelt(_ value: T?) -> String { value.map { "\($0)" } ?? "none" }
        lines.append("~ \(field): \(spelt(old)) → \(spelt(new))")
    }

    /// Compares plain fields.
    ///
    /// - Parameter part: what they are of, such as `feature temp: `, where that is a part of the thing.
    mutating func compare<Thing>(
        _ fields: [DefinitionField<Thing>], _ old: Thing, _ new: Thing, of part: String = ""
    ) {
        for field in fields {
            if let difference = field.difference(old, new) { lines.append("~ \(part)\(field.name): \(difference)") }
        }
    }
}
