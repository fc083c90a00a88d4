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

    mutating func noteNew(description: String?, owner: String?, tags: [String: String]) {
        noteNew("description", description)
        noteNew("owner", owner)
        noteNew("tags", tags.isEmpty ? nil : Self.spelt(tags))
    }

    /// Notes a new feature with all that is said of it.
    mutating func noteNew(_ feature: FeatureDefinition) {
        var line = "+ feature \(feature.name) \(feature.type)"
        if let checks = feature.checks { line += ", checks \(checks.spelt(of: feature.type))" }
        if !feature.tags.isEmpty { line += ", tags \(Self.spelt(feature.tags))" }
        if let description = feature.description { line += ", description \(description)" }
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

    mutating func compare(_ field: String, _ old: [String: String], _ new: [String: String]) {
        guard old != new else { return }
        lines.append("~ \(field): \(Self.spelt(old)) → \(Self.spelt(new))")
    }

    mutating func compare(_ field: String, _ old: [String], _ new: [String]) {
        guard old != new else { return }
        lines.append("~ \(field): [\(old.joined(separator: ", "))] → [\(new.joined(separator: ", "))]")
    }

    private static func spelt(_ tags: [String: String]) -> String {
        "{" + tags.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
    }
}
