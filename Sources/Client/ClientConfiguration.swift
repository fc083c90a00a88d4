public import Transport

/// Times and names of a client.
public struct ClientConfiguration: Sendable {
    /// What the server's logs call this client.
    public var name = "headwater-swift"
    /// How long one call may take; streams and long work of the server have no deadline.
    public var callTimeout = Duration.seconds(30)
    /// How long one write may take with all its retries.
    public var writeTimeout = Duration.seconds(60)
    public var transport = ClientOptions()

    public init() {}
}

/// What a server of a store does.
public enum ServerRole: String, Sendable, CaseIterable {
    /// Takes definitions and writes, serves the latest features.
    case online
    /// Serves history.
    case offline
}
