/// Every limit of the protocol (docs/formats/wire.md). The constants hold for all connections; the properties are told in Hello.
public struct WireLimits: Hashable, Sendable {
    /// Bytes of a frame before Hello is done.
    public static let frameBytesMaxBeforeHello = 64 << 10
    /// Bytes of a head after Hello.
    public static let headBytesMax = 1 << 20
    /// Bytes of memory that decoding one head may take.
    public static let headMemoryBytesMax = 8 << 20
    /// Bytes of a frame's extension.
    public static let extensionBytesMax = 64 << 10
    /// The greatest `frameBytesMax` that either side may announce: room for the largest batch.
    public static let frameBytesCeiling = 320 << 20
    /// A stream's window never exceeds this.
    public static let windowBytesCeiling = Int(Int32.max)
    /// Bytes of a data frame that senders aim at: large enough to be cheap, small enough for the window.
    public static let dataFrameBytesTarget = 1 << 20
    /// Bytes of a data frame of histories and scans that senders aim at: a server's
    /// loop copies and sends a frame in one go, and gets on it wait meanwhile.
    public static let rowsFrameBytesTarget = 128 << 10

    /// Bytes of one frame, all parts, that this side takes.
    public var frameBytesMax = 64 << 20
    /// Requests that the server works on at once, for one connection.
    public var requestsInFlightMax = 1_024
    /// Streams among them.
    public var streamsOpenMax = 16
    /// Bytes of data frames that the other side may send on a new stream before it is given credit.
    public var initialWindowBytes = 4 << 20

    public init() {}
}
