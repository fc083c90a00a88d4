public import Catalog
public import FeatureModel
internal import Synchronization

/// Feature lists that connections prepared.
public final class HandleTable: Sendable {
    public struct Entry: Sendable {
        public let project: String
        public let selection: FeatureSelection
        public let fullNames: Bool
        public let plan: FeaturePlan
        /// Position of the catalog that the plan was resolved in.
        public let catalogPosition: Position

        /// Resolves a feature list.
        ///
        /// - Throws: as `Catalog.resolve`.
        public init(
            project: String, _ selection: FeatureSelection, fullNames: Bool, catalog: Catalog
        ) throws(HeadwaterError) {
            self.project = project
            self.selection = selection
            self.fullNames = fullNames
            plan = try catalog.resolve(project: project, selection, fullNames: fullNames)
            catalogPosition = catalog.position
        }
    }

    /// Handles of one connection.
    public static let handlesMax = 4_096

    private let entries = Mutex<[UInt64: [UInt64: Entry]]>([:])

    public init() {}

    public func insert(_ entry: Entry, connection: UInt64) throws(HeadwaterError) -> UInt64 {
        try entries.withLock { table throws(HeadwaterError) in
            let handle = UInt64(table[connection]?.count ?? 0) + 1
            guard handle <= Self.handlesMax else {
                throw HeadwaterError(
                    .resourceExhausted, "\(Self.handlesMax) handles on one connection: use those you have, or connect anew")
            }
            table[connection, default: [:]][handle] = entry
            return handle
        }
    }

    /// Forgets the handles of a connection that has closed.
    public func remove(connection: UInt64) { _ = entries.withLock { $0.removeValue(forKey: connection) } }

    public func entry(_ handle: UInt64, connection: UInt64) throws(HeadwaterError) -> Entry {
        guard let entry = entries.withLock({ $0[connection]?[handle] }) else {
            throw HeadwaterError(.notFound, "handle \(handle) was not prepared on this connection: prepare again")
        }
        return entry
    }
}
