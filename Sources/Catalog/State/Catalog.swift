public import FeatureModel

/// All definitions at one position: the fold of the definitions records up to it.
///
/// A value: a copy shares its storage until one of the two changes, so a reader may keep one while the writer goes on.
public struct Catalog: Sendable, Hashable {
    /// What one definitions record changed.
    public struct HistoryRecord: Sendable, Hashable, Codable {
        public let position: Position
        public let changes: [CatalogChange]

        public init(position: Position, changes: [CatalogChange]) {
            self.position = position
            self.changes = changes
        }
    }

    /// Definitions of one project. Names are keys as bytes; versions rise.
    struct Project: Sendable, Hashable {
        var entities: [ByteString: EntityDefinition] = [:]
        var groups: [ByteString: [GroupID]] = [:]
        var services: [ByteString: [CatalogService]] = [:]
        var datasets: [ByteString: DatasetDefinition] = [:]
        /// What names without a version mean, where that was ever said; the greatest version where it was not.
        var promotedGroups: [ByteString: UInt32] = [:]
        var promotedServices: [ByteString: UInt32] = [:]
        /// Greatest versions of what was removed: their names can be used again above them.
        var removedGroups: [ByteString: UInt32] = [:]
        var removedServices: [ByteString: UInt32] = [:]
        /// Old names that still mean something, and what it is called now.
        var oldGroupNames: [ByteString: ByteString] = [:]
        var oldServiceNames: [ByteString: ByteString] = [:]

        var isEmpty: Bool { entities.isEmpty && groups.isEmpty && services.isEmpty && datasets.isEmpty }
    }

    var projects: [ByteString: Project] = [:]
    var groups: [GroupID: CatalogGroup] = [:]
    /// Every change ever, by rising position.
    public private(set) var history: [HistoryRecord] = []

    public init() {}

    /// Position of the newest definitions record; 0 where there is none.
    public var position: Position { history.last?.position ?? 0 }

    /// Greatest group id handed out so far; the next group gets the one after it.
    public var greatestGroupID: GroupID { groups.keys.max() ?? 0 }

    /// Takes one definitions record. The fold never refuses.
    ///
    /// - Parameter position: greater than that of every record taken before.
    public mutating func apply(_ changes: [CatalogChange], position: Position) {
        precondition(position > self.position, "definitions records come by rising position")
        history.append(HistoryRecord(position: position, changes: changes))
        for change in changes { fold(change, position: position) }
    }

    /// The catalog as it was at `position`.
    ///
    /// - Complexity: O(1) at or after the newest definitions record, else O(history).
    public func asOf(_ position: Position) -> Catalog {
        if position >= self.position { return self }
        var earlier = Catalog()
        for record in history where record.position <= position { earlier.apply(record.changes, position: record.position) }
        return earlier
    }
}

extension Catalog {
    private struct HistoryBlob: Codable {
        let format: Int
        let records: [HistoryRecord]
    }

    /// The whole history as one blob, for snapshots and manifests; they bring the checksum.
    public func encodeHistory() -> [UInt8] {
        CanonicalJSON.encode(
            HistoryBlob(format: CatalogRecordBody.format(of: history.lazy.flatMap(\.changes)), records: history))
    }

    /// The fold of a history blob; an empty blob is the empty catalog.
    ///
    /// - Throws: `.dataLoss` where the bytes are no history, `.unimplemented` for a newer format.
    public init(decodingHistory bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        self.init()
        if bytes.isEmpty { return }
        try CatalogRecordBody.checkFormat(bytes, what: "catalog history")
        let blob = try CanonicalJSON.decode(HistoryBlob.self, from: bytes, orElse: .dataLoss, what: "catalog history")
        for record in blob.records {
            guard record.position > position else {
                throw HeadwaterError(.dataLoss, "catalog history: position \(record.position) stands behind \(position)")
            }
            apply(record.changes, position: record.position)
        }
    }
}
