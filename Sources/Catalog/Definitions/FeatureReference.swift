public import FeatureModel

/// A name with or without a version: `weather`, `weather@2`.
public struct VersionedName: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    /// `nil` for the promoted version.
    public let version: UInt32?

    public init(_ name: String, version: UInt32? = nil) {
        self.name = name
        self.version = version
    }

    /// Parses `weather` or `weather@2`.
    ///
    /// - Throws: `.invalidArgument` that shows the form.
    public static func parse(_ text: String) throws(HeadwaterError) -> VersionedName {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1, Names.problem(with: text) == nil { return VersionedName(text) }
        if parts.count == 2, Names.problem(with: parts[0]) == nil, let version = UInt32(digits: parts[1]), version > 0 {
            return VersionedName(parts[0], version: version)
        }
        throw HeadwaterError(.invalidArgument, "'\(text)' is no name: write NAME or NAME@VERSION, such as weather@2")
    }

    public var description: String { version.map { "\(name)@\($0)" } ?? name }
}

/// One feature, or all features, of a group: `weather:temp`, `weather@2:temp`, `weather:*`.
public struct FeatureReference: Hashable, Sendable, CustomStringConvertible {
    public let group: VersionedName
    /// `nil` for all features of the group.
    public let feature: String?

    public init(group: VersionedName, feature: String?) {
        self.group = group
        self.feature = feature
    }

    /// Parses a reference.
    ///
    /// - Throws: `.invalidArgument` that shows the form.
    public static func parse(_ text: String) throws(HeadwaterError) -> FeatureReference {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, let group = try? VersionedName.parse(parts[0]) {
            if parts[1] == "*" { return FeatureReference(group: group, feature: nil) }
            if Names.problem(with: parts[1]) == nil { return FeatureReference(group: group, feature: parts[1]) }
        }
        throw HeadwaterError(
            .invalidArgument,
            "'\(text)' is no feature: write GROUP:FEATURE, GROUP@VERSION:FEATURE or GROUP:*, such as weather:temp")
    }

    public var description: String { "\(group):\(feature ?? "*")" }
}

extension UInt32 {
    /// Digits only: no sign, no space.
    init?(digits text: String) {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        self.init(text)
    }
}
