/// What a plain field's value must hold to, beyond being of its kind.
struct FieldRule<Thing, Value>: Sendable {
    /// Notes what is wrong with the value of a thing, where `path` is the field's.
    let check: @Sendable (Value, _ of: Thing, _ path: String, inout Problems) -> Void
}

extension FieldRule where Value == String? {
    /// A rule for a text that is given.
    ///
    /// - Parameter problem: what is wrong with it; `nil` where nothing is.
    static func text(_ problem: @escaping @Sendable (String) -> String?) -> Self {
        Self { text, _, path, problems in problems.add(path, ifWrong: text.flatMap(problem)) }
    }

    /// Words for people.
    static var description: Self { text(problem(withDescription:)) }

    /// What to use instead.
    static var deprecation: Self {
        text { text in
            let most = DefinitionLimits.descriptionBytesMax
            return (1...most).contains(text.utf8.count)
                ? nil : "say what to use instead, in 1 to \(most) bytes, such as \"use weather@2\""
        }
    }
}

extension FieldRule where Value == [String: String] {
    static var tags: Self {
        Self { tags, _, path, problems in
            if tags.count > DefinitionLimits.tagsMax {
                problems.add(path, "\(tags.count) of them; the limit is \(DefinitionLimits.tagsMax)")
            }
            for (name, text) in tags.sorted(by: { $0.key < $1.key }) {
                problems.add("\(path).\(name)", ifWrong: Names.problem(with: name))
                problems.add("\(path).\(name)", ifWrong: problem(withDescription: text))
            }
        }
    }
}

extension FieldRule where Value == [String], Thing: Definition {
    /// Names that the thing had before.
    static var oldNames: Self {
        Self { names, thing, path, problems in
            for old in names {
                problems.add(path, ifWrong: Names.problem(with: old))
                if old == thing.name { problems.add(path, "'\(old)' is its name now: list those that it had before") }
            }
            if Set(names).count < names.count { problems.add(path, "a name is listed twice") }
        }
    }
}

extension FieldRule where Value == TimeSpan?, Thing == GroupDefinition {
    /// A span before or after the clock's time, in which rows have event times.
    static var ofEventTimes: Self {
        Self { span, group, path, problems in
            if span != nil, group.isStatic {
                problems.add(path, "a static table has no event time to measure from: leave it out, or give event_time")
            }
        }
    }
}

/// What is wrong with words for people.
func problem(withDescription text: String) -> String? {
    let most = DefinitionLimits.descriptionBytesMax
    return text.utf8.count > most ? "longer than \(most) bytes" : nil
}
