/// Every limit of the system that is not a setting. Units stand last in the names.
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
    /// How far ahead of the clock an event time may be unless its group says otherwise: five minutes.
    public static let aheadDefaultMicroseconds: Int64 = 5 * 60 * 1_000_000
    /// Bad rows that one refusal lists; the rest is a count.
    public static let rowErrorsListedMax = 20
}
