/// Which rows of a group's history are asked for: by a client, of a server, and where none runs.
public struct RowsQuery: Sendable {
    /// `weather`, `weather@2`.
    public var group: String
    /// Features to give; empty for all.
    public var columns: [String] = []
    /// Least event time; of no effect for the latest rows.
    public var start: Microseconds?
    /// Event times stop before it; of no effect for the latest rows.
    public var end: Microseconds?
    /// Only the latest row of each key; of those with an event time up to `at`, where that is given.
    public var isLatest = false
    public var at: Microseconds?
    /// Only rows of these keys; `nil` for all.
    public var keys: [(name: String, column: Column)]?
    /// Reads history as the log was at this position; `nil` for now.
    public var asOf: Position?
    /// Whether tombstones are given too, with a column `deleted`.
    public var deletes = false
    /// Whether beside features only keys and event time are given.
    public var brief = false

    public init(group: String) { self.group = group }
}
