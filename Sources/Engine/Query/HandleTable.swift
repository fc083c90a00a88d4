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

    /// The parts in which two lists must be equal to share a handle.
    private struct List: Hashable {
        let project: ByteString
        let selection: FeatureSelection
        let fullNames: Bool
        let plan: FeaturePlan

        init(_ entry: Entry) {
            project = ByteString(entry.project)
            (selection, fullNames, plan) = (entry.selection, entry.fullNames, entry.plan)
        }
    }

    private struct Handles {
        /// Handle `i + 1` stands at `i`.
        var entries: [Entry] = []
        var known: [List: UInt64] = [:]
    }

    private let connections = Mutex<[UInt64: Handles]>([:])

    public init() {}

    /// A handle for a list: the one that the connection has for the same list with the same meaning, else a new one.
    ///
    /// - Throws: `.resourceExhausted` for one list too many.
    public func insert(_ entry: Entry, connection: UInt64) throws(HeadwaterError) -> UInt64 {
        let list = List(entry)
        return try connections.withLock { connections throws(HeadwaterError) in
            if let known = connections[connection]?.known[list] { return known }
            let handle = UInt64(connections[connection]?.entries.count ?? 0) + 1
            guard handle <= Self.handlesMax else {
                throw HeadwaterError(
                    .resourceExhausted, "\(Self.handlesMax) handles on one connection: use those you have, or connect anew")
            }
            connections[connection, default: Handles()].entries.append(entry)
            connections[connection]!.known[list] = handle
            return handle
        }
    }

    /// Forgets the handles of a connection that has closed.
    public func remove(connection: UInt64) { _ = connections.withLock { $0.removeValue(forKey: connection) } }

    public func entry(_ handle: UInt64, connection: UInt64) throws(HeadwaterError) -> Entry {
        let found = connections.withLock { connections -> Entry? in
            guard let entries = connections[connection]?.entries, handle >= 1, handle <= UInt64(entries.count) else { return nil }
            return entries[Int(handle) - 1]
        }
        guard let entry = found else {
            throw HeadwaterError(.notFound, "handle \(handle) was not prepared on this connection: prepare again")
        }
        return entry
    }
}
