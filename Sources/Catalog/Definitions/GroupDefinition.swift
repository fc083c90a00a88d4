public import FeatureModel

/// A written table: entity, event time, features; versioned.
public struct GroupDefinition: Hashable, Sendable {
    public var name: String
    public var version: UInt32
    public var entity: String
    /// Name of the event time column; `nil` for a static table.
    public var eventTime: String?
    /// Name of the column that stands for ingest_time in backfilled history.
    public var availableTime: String?
    public var maxAge: TimeSpan?
    public var retention: TimeSpan?
    /// How far ahead of the clock an event time may be; `nil` for the default of five minutes.
    public var ahead: TimeSpan?
    public var description: String?
    public var owner: String?
    public var tags: [String: String] = [:]
    /// Names that it had before, and that still mean it.
    public var renamedFrom: [String] = []
    /// Why it should not be used any more, and what to use: shown to who does.
    public var deprecated: String?
    public var features: [FeatureDefinition]

    public init(
        name: String, version: UInt32 = 1, entity: String, eventTime: String? = nil, availableTime: String? = nil,
        features: [FeatureDefinition]
    ) {
        self.name = name
        self.version = version
        self.entity = entity
        self.eventTime = eventTime
        self.availableTime = availableTime
        self.features = features
    }

    public var isStatic: Bool { eventTime == nil }
    var aheadMicroseconds: Microseconds { ahead?.microseconds ?? Limits.aheadDefaultMicroseconds }

    /// `weather@1`.
    public var reference: String { "\(name)@\(version)" }
}

extension GroupDefinition: Definition {
    package static let policies: [DefinitionField<Self>] = [
        .init("max_age", \.maxAge, aliases: ["ttl", "lookback"], rule: .ofEventTimes),
        .init("retention", \.retention, rule: .ofEventTimes),
        .init("ahead", \.ahead, rule: .ofEventTimes),
    ]
    package static let words: [DefinitionField<Self>] = [
        .init("description", \.description, rule: .description),
        .init("owner", \.owner, rule: .description),
        .init("tags", \.tags, rule: .tags),
    ]
    package static let lifecycle: [DefinitionField<Self>] = [
        .init("renamed_from", \.renamedFrom, label: "renamed from", isToldOfNew: false, rule: .oldNames),
        .init("deprecated", \.deprecated, rule: .deprecation),
    ]
    package static let fieldNames =
        ["name", "version", "entity", "event_time", "available_time"] + fields.map(\.name) + ["features"]
    package static let shapeAliases = ["timestamp_field": "event_time"]
}

/// One typed column of a group.
public struct FeatureDefinition: Hashable, Sendable {
    public var name: String
    public var type: FeatureType
    public var description: String?
    public var tags: [String: String] = [:]
    public var checks: FeatureChecks?
    /// Names that it had before, and that still mean it.
    public var renamedFrom: [String] = []
    /// Why it should not be used any more, and what to use: shown to who does.
    public var deprecated: String?

    public init(name: String, type: FeatureType, checks: FeatureChecks? = nil) {
        self.name = name
        self.type = type
        self.checks = checks
    }
}

extension FeatureDefinition: Definition {
    package static let words: [DefinitionField<Self>] = [
        .init("description", \.description, rule: .description),
        .init("tags", \.tags, rule: .tags),
    ]
    package static let lifecycle: [DefinitionField<Self>] = [
        .init("renamed_from", \.renamedFrom, label: "renamed from", isToldOfNew: false, rule: .oldNames),
        .init("deprecated", \.deprecated, rule: .deprecation),
    ]
    package static let fieldNames = ["name", "type"] + words.map(\.name) + ["checks"] + lifecycle.map(\.name)
}

/// What a written value must hold to; a value that does not refuses its request.
public struct FeatureChecks: Hashable, Sendable {
    /// Inclusive; a NaN is outside any bound.
    public var min: Bound?
    /// Inclusive.
    public var max: Bound?
    public var notNull: Bool
    public var oneOf: [String]?
    /// Characters (Unicode scalars) of a string, bytes of a bytes value, elements of an array.
    public var maxLength: Int?

    public init(min: Bound? = nil, max: Bound? = nil, notNull: Bool = false, oneOf: [String]? = nil, maxLength: Int? = nil) {
        self.min = min
        self.max = max
        self.notNull = notNull
        self.oneOf = oneOf
        self.maxLength = maxLength
    }

    var isEmpty: Bool { self == FeatureChecks() }
}

/// A bound of a check: a whole number exactly, else a finite Double. Times are whole microseconds.
public enum Bound: Hashable, Sendable, CustomStringConvertible {
    case whole(Int64)
    case real(Double)

    /// The bound for a number; a whole one becomes `.whole`, so that equal bounds have one form.
    public init(_ number: Double) {
        self = Int64(exactly: number).map { .whole($0) } ?? .real(number)
    }

    public init(_ number: Int64) { self = .whole(number) }

    public var double: Double {
        switch self {
        case .whole(let number): Double(number)
        case .real(let number): number
        }
    }

    public var description: String {
        switch self {
        case .whole(let number): String(number)
        case .real(let number): String(number)
        }
    }

    /// As a feature of this type spells it: a bound of times is a time.
    public func spelt(of type: FeatureType) -> String {
        if case .whole(let number) = self, type == .timestamp { TimeText.format(number) } else { description }
    }
}

/// A duration as definitions write it: `3h`, `400d`.
public struct TimeSpan: Hashable, Sendable, CustomStringConvertible {
    public let microseconds: Microseconds

    /// - Parameter microseconds: above zero.
    public init(microseconds: Microseconds) {
        precondition(microseconds > 0)
        self.microseconds = microseconds
    }

    /// Parses `90s`, `3h`, `400d`; `nil` where the text is no duration.
    public init?(_ text: String) {
        guard let microseconds = TimeText.parseDuration(text) else { return nil }
        self.microseconds = microseconds
    }

    public var description: String { TimeText.formatDuration(microseconds) }
}
