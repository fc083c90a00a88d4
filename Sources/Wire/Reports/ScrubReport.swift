extension StatusReport {
    /// The findings of the last scrub, or of the running one so far. Times are microseconds since 1970 UTC.
    public struct Scrub: Codable, Hashable, Sendable {
        public static let findingsMax = 100

        /// Between the end of a scrub and the next; absent where none is made.
        public var intervalSeconds: Int?
        public var isRunning = false
        /// Absent before the first scrub.
        public var startedAt: Int64?
        /// Absent while it runs, and where it was cut short.
        public var finishedAt: Int64?
        /// The end of the scrub before: what is found now was not there then, or not yet.
        public var previousFinishedAt: Int64?
        public var nextDue: Int64?
        public var milliseconds = 0
        /// Bytes of cold files read, and rows in them and in the audit.
        public var bytes = 0
        public var rows = 0
        public var damageCount = 0
        /// The first places that do not hold.
        public var findings: [Finding] = []
        /// The position at which online and offline were compared; absent where they were not, and why not.
        public var auditedPosition: UInt64?
        public var notAudited: String?
        /// Parts that could not be read whole, and why: nothing is known of the rest of them.
        public var notRead: [String: String]?
        public var differenceCount = 0
        public var differences: [AuditReport.Difference] = []

        public struct Finding: Codable, Hashable, Sendable {
            /// `log`, `snapshot`, `chunks` or `audit`.
            public var part: String
            /// `file:offset`.
            public var location: String?
            public var message: String
            public var foundAt: Int64

            public init(part: String, location: String?, message: String, foundAt: Int64) {
                self.part = part
                self.location = location
                self.message = message
                self.foundAt = foundAt
            }
        }

        public init() {}
    }
}
