/// A kind of value that a plain field can have. A further kind is a further conformance.
protocol FieldValue: Codable, Equatable, Sendable {
    /// What stands for a field that was left out. It is never written.
    static var leftOut: Self { get }

    /// The value of a field as a user wrote it; what is wrong with its form is noted.
    static func read(_ field: String, from fields: FieldReader) -> Self

    /// As a plan spells it.
    var spelt: String { get }
    /// As a description shows it to people.
    var shown: String { get }

    /// Where in a field there is what `has` looks for: the field's name, or a name for each part.
    func places(in field: String, where has: (String) -> Bool) -> [String]
}

extension FieldValue {
    var isGiven: Bool { self != Self.leftOut }
    var shown: String { spelt }
    func places(in field: String, where has: (String) -> Bool) -> [String] { has(shown) ? [field] : [] }
}

/// A value without parts, such as a text or a duration.
protocol ScalarFieldValue: Codable, Equatable, Sendable, CustomStringConvertible {
    /// - Returns: `nil` where the field was left out, or is wrong.
    static func read(_ field: String, from fields: FieldReader) -> Self?
}

extension String: ScalarFieldValue {
    static func read(_ field: String, from fields: FieldReader) -> String? { fields.text(field) }
}

extension TimeSpan: ScalarFieldValue {
    static func read(_ field: String, from fields: FieldReader) -> TimeSpan? { fields.duration(field) }
}

extension Optional: FieldValue where Wrapped: ScalarFieldValue {
    static var leftOut: Self { nil }
    static func read(_ field: String, from fields: FieldReader) -> Self { Wrapped.read(field, from: fields) }
    var spelt: String { self?.description ?? "none" }
    func places(in field: String, where has: (String) -> Bool) -> [String] { has(self?.description ?? "") ? [field] : [] }
}

/// Names with texts: tags.
extension Dictionary: FieldValue where Key == String, Value == String {
    static var leftOut: Self { [:] }
    static func read(_ field: String, from fields: FieldReader) -> Self { fields.texts(field) }
    var spelt: String { "{" + sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}" }
    var shown: String { pairs.joined(separator: ", ") }
    func places(in field: String, where has: (String) -> Bool) -> [String] { pairs.filter(has).map { "tag \($0)" } }

    private var pairs: [String] { sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } }
}

/// Names: a list, or one text.
extension Array: FieldValue where Element == String {
    static var leftOut: Self { [] }
    static func read(_ field: String, from fields: FieldReader) -> Self { fields.names(field) }
    var spelt: String { "[\(shown)]" }
    var shown: String { joined(separator: ", ") }
}
