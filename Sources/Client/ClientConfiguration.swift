public import Transport

/// Times and names of a client.
public struct ClientConfiguration: Sendable {
    /// The name of this client in the server's log.
    public var name = "headwater-swift"
    /// How long one call may take; streams and long work of the server have no deadline.
    public var callTimeout = Duration.seconds(30)
    /// How long one write may take with all its retries.
    public var writeTimeout = Duration.seconds(60)
    public var transport = ClientOptions()

    public init() {}
}

/// The role of a server of a store.
public enum ServerRole: String, Sendable, CaseIterable {
    /// Takes definitions and writes, serves the latest features.
    case online
    /// Serves history.
    case offline
}
