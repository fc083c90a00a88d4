public import Wire

/// Limits and times of a server's connections.
public struct ServerOptions: Sendable {
    /// Limits of what the server receives, which its Hello announces.
    public var limits = WireLimits()
    /// Connections that have said hello: fewer where the limit of open files does not allow so many.
    public var connectionsMax = 1_000
    /// Descriptors that others in this process may have open.
    public var descriptorsElsewhere = 0
    /// Allows addresses that other machines can reach, without TLS.
    public var allowInsecure = false
    /// How long a client may take to say hello.
    public var helloTimeout = Duration.seconds(5)
    /// How long a client may be silent inside a frame.
    public var frameTimeout = Duration.seconds(30)
    /// Bytes per second that a frame, or output that waits, must move at beyond the timeout.
    public var bytesPerSecondMin = 64 << 10
    /// Bytes of output waiting at one connection above which nothing is read from it: less where all connections together have
    /// much waiting. At four times this it is closed.
    public var outputBytesMax = 64 << 20
    /// Memory that input and output of all connections take together.
    public var networkBytesMax = 256 << 20
    /// Bytes of requests being worked on for one connection above which nothing is read from it.
    public var requestBytesMax = 256 << 20

    public init() {}
}

/// Limits and times of a client's connection.
public struct ClientOptions: Sendable {
    /// Limits of what the client receives, which its Hello announces.
    public var limits = WireLimits()
    /// How long connecting and Hello may take together.
    public var connectTimeout = Duration.seconds(10)

    public init() {}
}
