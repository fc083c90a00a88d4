/// Limits that are no settings: of what users may name, send and connect, and those that several targets share. Units stand last
/// in the names. Limits of frames are in `WireLimits`; what bounds the work of one type is a constant of that type.
public enum Limits {
    /// Key columns of one entity.
    public static let keyColumnsMax = 16
    /// Features of one group.
    public static let featuresMax = 4_096
    /// Bytes of one encoded key.
    public static let keyBytesMax = 4_096
    /// Bytes of one string, bytes or array cell.
    public static let cellBytesMax = 16 << 20
    /// Elements of one `vector(n)`.
    public static let vectorLengthMax = 65_536
    /// Rows of one batch.
    public static let batchRowsMax = 4_000_000
    /// Bytes of one batch, and of one write request: Arrow's offsets are 32 bits wide.
    public static let batchBytesMax = 256 << 20
    /// Groups that one atomic write may touch.
    public static let entriesMax = 1_024
    /// Bytes of a project, entity, group, feature or service name.
    public static let nameBytesMax = 128
    /// Bytes of an expression's text.
    public static let expressionBytesMax = 64 << 10
    /// Literals, columns, operators and calls of one expression.
    public static let expressionNodesMax = 4_096
    /// Parentheses, calls and prefixes around one another in an expression.
    public static let expressionNestingMax = 200
    /// Bytes of a text that an expression makes; where it would be longer the result is null.
    public static let expressionTextBytesMax = 1 << 20
    /// How far ahead of the clock an event time may be unless its group says otherwise: five minutes.
    public static let aheadDefaultMicroseconds: Int64 = 5 * 60 * 1_000_000
    /// Bad rows that one refusal lists; the rest is a count.
    public static let rowErrorsListedMax = 20

    /// Bytes of a thread's stack in a server.
    public static let threadStackBytes = 4 << 20
    /// Address space that a server needs to start.
    public static let addressSpaceLeast = 640 << 20
    /// Followers that may be registered at one log.
    public static let followersMax = 64
    /// How long the log waits for a follower that neither follows nor fetches the history.
    public static let followerPatienceMicroseconds: Int64 = 3_600 * 1_000_000
    /// Feature names of a request, and bytes of definitions, up to which an event loop looks at them itself.
    public static let inlineNamesMax = 256
    public static let inlineDefinitionBytesMax = 8 << 10

    // Of a server's connections.

    /// Descriptors that connections leave to files, timers and whatever else the process needs.
    public static let descriptorsReserved = 64
    /// With descriptors for fewer connections than this a server does not start.
    public static let connectionsLeast = 16
    /// Connections that have not said hello; one more drops the oldest.
    public static let greetingsMax = 128
    /// Connections that are kept for the user whom the server runs as, by Unix socket.
    public static let ownerConnectionsReserved = 16
}
