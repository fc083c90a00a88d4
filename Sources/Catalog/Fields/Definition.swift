/// What a user defines: an entity, a key, a feature group, a feature, a feature service, a dataset.
///
/// A field whose value stands for itself (a text, a duration, tags, a list of names) is *plain*. It is declared once, as a stored
/// property with a row in one of three tables, and whatever is done with fields walks the tables: reading YAML and JSON, coding
/// for the log and the wire, checking, planning, describing, searching. What gives a thing its shape (its name and version, keys,
/// columns, features) is not plain: each of those is handled where it means something.
package protocol Definition: Sendable {
    var name: String { get }

    /// What is done with its rows: how far they reach, how long they stay.
    static var policies: [DefinitionField<Self>] { get }
    /// What people say of it. They are shown the words first, and search them.
    static var words: [DefinitionField<Self>] { get }
    /// What it was called before, and whether it should still be used.
    static var lifecycle: [DefinitionField<Self>] { get }
    /// Names of all its fields, in the order in which an error lists them.
    static var fieldNames: [String] { get }
    /// Other names of the fields that are not plain, with the fields' own.
    static var shapeAliases: [String: String] { get }
}

extension Definition {
    package static var policies: [DefinitionField<Self>] { [] }
    package static var lifecycle: [DefinitionField<Self>] { [] }
    package static var shapeAliases: [String: String] { [:] }

    /// All plain fields.
    package static var fields: [DefinitionField<Self>] { policies + words + lifecycle }

    /// Fields with what a description shows people of them; `nil` for what was left out.
    package func shown(_ fields: [DefinitionField<Self>]) -> [(label: String, text: String?)] {
        fields.map { ($0.label, $0.shown(self)) }
    }
}

/// The name of a field in JSON.
struct FieldKey: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init(stringLiteral name: String) { stringValue = name }
    init?(intValue: Int) { nil }
}

extension KeyedDecodingContainer<FieldKey> {
    /// Takes the plain fields of a definition.
    func decodeFields<Thing: Definition>(of thing: inout Thing) throws {
        for field in Thing.fields { try field.decode(self, &thing) }
    }
}

extension KeyedEncodingContainer<FieldKey> {
    /// Writes the plain fields of a definition, but for those that were left out.
    mutating func encodeFields<Thing: Definition>(of thing: Thing) throws {
        for field in Thing.fields { try field.encode(thing, &self) }
    }
}
