/// The body of the report `clients`, as JSON: the connections of a server that have said hello. Times in microseconds since
/// 1970 UTC.
public struct ClientsReport: Codable, Hashable, Sendable {
    public var wallTime: Int64
    /// The longest connected first.
    public var clients: [Client]

    public init(wallTime: Int64, clients: [Client]) { (self.wallTime, self.clients) = (wallTime, clients) }

    public struct Client: Codable, Hashable, Sendable {
        /// Tells the connection from all others since the server's start.
        public var connection: UInt64
        /// `IP:PORT`, or `unix pid=PID uid=UID`.
        public var address: String
        /// What the client says of itself; absent where it says nothing.
        public var name: String?
        public var version: String?
        public var project: String?
        public var openedAt: Int64
        /// When the last bytes came.
        public var lastHeard: Int64
        /// Requests that came, and those of them that have no answer yet.
        public var requests: UInt64
        public var inFlight: Int
        public var receivedBytes: UInt64
        public var sentBytes: UInt64

        public init(
            connection: UInt64, address: String, name: String?, version: String?, project: String?, openedAt: Int64,
            lastHeard: Int64, requests: UInt64, inFlight: Int, receivedBytes: UInt64, sentBytes: UInt64
        ) {
            self.connection = connection
            self.address = address
            self.name = name
            self.version = version
            self.project = project
            self.openedAt = openedAt
            self.lastHeard = lastHeard
            self.requests = requests
            self.inFlight = inFlight
            self.receivedBytes = receivedBytes
            self.sentBytes = sentBytes
        }
    }
}
