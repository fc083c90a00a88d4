package import FeatureModel

/// A column that an expression may read.
package struct ExpressionColumn: Hashable, Sendable {
    package let name: String
    package let type: FeatureType

    package init(_ name: String, _ type: FeatureType) { (self.name, self.type) = (name, type) }
}

/// What an expression may name where it stands.
package struct ExpressionScope: Sendable {
    package var columns: [ExpressionColumn]
    /// Whether `request_time()` means something.
    package var hasRequestTime: Bool
    /// Whether `found(column)` means something: where cells have a status.
    package var hasStatuses: Bool

    package init(_ columns: [ExpressionColumn], hasRequestTime: Bool = false, hasStatuses: Bool = false) {
        self.columns = columns
        self.hasRequestTime = hasRequestTime
        self.hasStatuses = hasStatuses
    }
}
