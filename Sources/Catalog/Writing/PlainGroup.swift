public import FeatureModel

/// A group of which a write can be refused for nothing but its form and its event time.
public struct PlainGroup: Sendable {
    public let project: String
    private let ahead: Microseconds
    private let isStatic: Bool

    init(_ group: CatalogGroup, isStatic: Bool) {
        project = group.project
        ahead = group.aheadMicroseconds
        self.isStatic = isStatic
    }

    /// Whether `Catalog.checkWrite` takes a row with this event time.
    ///
    /// - Parameter now: the server's clock.
    public func takes(eventTime: Microseconds, now: Microseconds) -> Bool {
        if isStatic { return true }
        return eventTime != EventTime.always && eventTime <= CatalogGroup.latestEventTime(now: now, ahead: ahead)
    }
}

extension Catalog {
    /// - Returns: `nil` where the group or one of its features was removed, or features have checks of their own.
    public func plainGroup(of schema: GroupSchema) -> PlainGroup? {
        guard let group = groups[schema.groupID], group.removedAt == nil, group.removedFeatures.isEmpty,
            !group.definition.features.contains(where: \.needsCheck)
        else { return nil }
        return PlainGroup(group, isStatic: schema.isStatic)
    }
}
