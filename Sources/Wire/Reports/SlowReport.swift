/// The body of the report `slow`, as JSON: the slowest requests of each method that were answered within the last hour.
public struct SlowReport: Codable, Hashable, Sendable {
    /// Microseconds since 1970 UTC.
    public var wallTime: Int64
    /// For how long a request stays here.
    public var windowSeconds: Int
    /// How many of each method stay here.
    public var requestsPerMethod: Int
    /// The slowest first.
    public var requests: [Request]

    public init(wallTime: Int64, windowSeconds: Int, requestsPerMethod: Int, requests: [Request]) {
        self.wallTime = wallTime
        self.windowSeconds = windowSeconds
        self.requestsPerMethod = requestsPerMethod
        self.requests = requests
    }

    public struct Request: Codable, Hashable, Sendable {
        /// As metrics name it: `get`, `write`, `history`; of HTTP the method and the route's pattern.
        public var method: String
        public var status: String
        /// When it was answered: microseconds since 1970 UTC.
        public var endedAt: Int64
        /// From the moment when it had come to its answer.
        public var microseconds: Int64
        /// The parts of that time; they add up to it, but for rounding.
        public var waits: Waits
        /// The client's, unless the request names another.
        public var project: String?
        /// The group or the service that it is about, where that is known without looking into the request's rows.
        public var subject: String?
        public var clientAddress: String?
        public var clientName: String?
        public var clientVersion: String?
        public var receivedBytes: Int
        public var sentBytes: Int
        /// Of gets that were answered together at once: how many, and `microseconds` is the time of all of them.
        public var together: Int?
        /// 32 hexadecimal digits; absent where the client named no trace.
        public var traceID: String?

        private enum CodingKeys: String, CodingKey {
            // Spelt so that it is `trace_id` in JSON.
            case traceID = "traceId"
            case method, status, endedAt, microseconds, waits, project, subject, clientAddress, clientName, clientVersion
            case receivedBytes, sentBytes, together
        }

        public init(
            method: String, status: String, endedAt: Int64, microseconds: Int64, waits: Waits, receivedBytes: Int, sentBytes: Int
        ) {
            self.method = method
            self.status = status
            self.endedAt = endedAt
            self.microseconds = microseconds
            self.waits = waits
            self.receivedBytes = receivedBytes
            self.sentBytes = sentBytes
        }
    }

    /// Where a request's time went, in microseconds.
    public struct Waits: Codable, Hashable, Sendable {
        /// Waiting for a thread, or for the permit to work on it.
        public var thread: Int64 = 0
        /// Waiting until the store had applied a position.
        public var position: Int64 = 0
        /// Waiting for memory that other requests held.
        public var memory: Int64 = 0
        /// Waiting for the client: to read what it was sent, or to send what it announced.
        public var client: Int64 = 0
        /// At the writer: its turn, the write to the log and its sync, and the online store.
        public var log: Int64 = 0
        /// All the rest.
        public var work: Int64 = 0

        public init() {}

        /// The parts with their names, in the order in which they are told.
        public var named: [(name: String, microseconds: Int64)] {
            [("thread", thread), ("position", position), ("memory", memory), ("client", client), ("log", log), ("work", work)]
        }
    }
}
