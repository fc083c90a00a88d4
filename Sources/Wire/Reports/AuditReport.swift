/// The body of an audit's answer, as JSON: whether online and offline agree, over all rows at one position.
public struct AuditReport: Codable, Hashable, Sendable {
    /// The position at which both were compared.
    public var position: UInt64
    public var groups: [Group] = []
    /// Keys that differ; at least so many where `isComplete` is false.
    public var differenceCount = 0
    /// Whether every part that differs was looked into; it is not where very much differs.
    public var isComplete = true
    /// The first differences.
    public var differences: [Difference] = []
    /// How long it took.
    public var milliseconds = 0

    public var agrees: Bool { differenceCount == 0 }

    public struct Group: Codable, Hashable, Sendable {
        public var project: String
        public var group: String
        /// Latest rows compared, tombstones included.
        public var onlineRows: UInt64
        public var offlineRows: UInt64
        public var differences: Int

        public init(project: String, group: String, onlineRows: UInt64, offlineRows: UInt64, differences: Int) {
            self.project = project
            self.group = group
            self.onlineRows = onlineRows
            self.offlineRows = offlineRows
            self.differences = differences
        }
    }

    public struct Difference: Codable, Hashable, Sendable {
        public var group: String
        /// `origin=JFK,carrier=UA`.
        public var key: String
        public var kind: String
        /// Event time, position and row of each side's latest row.
        public var online: String?
        public var offline: String?

        public init(group: String, key: String, kind: String, online: String?, offline: String?) {
            self.group = group
            self.key = key
            self.kind = kind
            self.online = online
            self.offline = offline
        }
    }

    public init(position: UInt64) { self.position = position }
}

/// How far an audit has come: the JSON bodies of the frames before its report.
public struct AuditProgress: Codable, Hashable, Sendable {
    /// `online`, `offline` or `narrowing`: which walk it is at.
    public var phase: String
    /// Rows of that walk so far, and about how many there are; 0 where that is not known.
    public var rows: Int
    public var expectedRows: Int

    public init(phase: String, rows: Int, expectedRows: Int) {
        self.phase = phase
        self.rows = rows
        self.expectedRows = expectedRows
    }
}
