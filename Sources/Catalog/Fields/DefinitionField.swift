/// A plain field of a definition: how it is called, where its value is kept, and what the value must hold to.
///
/// How a value is read, written and shown follows from its type (`FieldValue`).
package struct DefinitionField<Thing>: Sendable {
    /// As YAML and JSON call it.
    let name: String
    /// What else YAML and JSON may call it.
    let aliases: [String]
    /// As a description for people calls it.
    let label: String
    /// Whether a plan tells of it where the definition is new.
    let isToldOfNew: Bool

    /// Takes the value from what a user wrote, and notes what is wrong with its form.
    let read: @Sendable (FieldReader, inout Thing) -> Void
    /// Notes what is wrong with the value, where `path` is the definition's.
    let check: @Sendable (Thing, _ path: String, inout Problems) -> Void
    let decode: @Sendable (KeyedDecodingContainer<FieldKey>, inout Thing) throws -> Void
    /// Writes the value, unless it was left out.
    let encode: @Sendable (Thing, inout KeyedEncodingContainer<FieldKey>) throws -> Void
    /// Takes the value of an older definition where it was left out of the newer one.
    let inherit: @Sendable (_ older: Thing, _ newer: inout Thing) -> Void
    /// The value as a plan spells it; `nil` where it was left out.
    let spelt: @Sendable (Thing) -> String?
    /// Both values as a plan spells them; `nil` where they are the same.
    let difference: @Sendable (_ older: Thing, _ newer: Thing) -> String?
    /// The value as a description shows it; `nil` where it was left out.
    let shown: @Sendable (Thing) -> String?
    /// Where in the field a text stands.
    let places: @Sendable (Thing, _ has: (String) -> Bool) -> [String]

    /// - Parameter label: `name`, unless given.
    init<Value: FieldValue>(
        _ name: String, _ property: any WritableKeyPath<Thing, Value> & Sendable, aliases: [String] = [], label: String? = nil,
        isToldOfNew: Bool = true, rule: FieldRule<Thing, Value>
    ) {
        self.name = name
        self.aliases = aliases
        self.label = label ?? name
        self.isToldOfNew = isToldOfNew
        let key = FieldKey(stringValue: name)
        read = { $1[keyPath: property] = Value.read(name, from: $0) }
        check = { rule.check($0[keyPath: property], $0, "\($1).\(name)", &$2) }
        decode = { values, thing in
            if let value = try values.decodeIfPresent(Value.self, forKey: key) { thing[keyPath: property] = value }
        }
        encode = { if $0[keyPath: property].isGiven { try $1.encode($0[keyPath: property], forKey: key) } }
        inherit = { if !$1[keyPath: property].isGiven { $1[keyPath: property] = $0[keyPath: property] } }
        spelt = { $0[keyPath: property].isGiven ? $0[keyPath: property].spelt : nil }
        difference = { older, newer in
            let (old, new) = (older[keyPath: property], newer[keyPath: property])
            return old == new ? nil : "\(old.spelt) → \(new.spelt)"
        }
        shown = { $0[keyPath: property].isGiven ? $0[keyPath: property].shown : nil }
        places = { $0[keyPath: property].places(in: name, where: $1) }
    }
}
