/// Whether a store is read just now, as the thread that applies sees it: only then has giving its core away between rows a use.
///
/// Where nobody reads it gives the core to whatever else the machine does: beside an offline service a fifth of a writer's time,
/// up to 27 ms at once (docs/internals/server-loop.md, *Sharing a core*).
struct ReadWatch {
    /// Records without a read after which reads are no longer expected.
    private static let recordsWithoutReadMax = 256

    private var seen = 0
    private var recordsWithoutRead = recordsWithoutReadMax

    /// - Parameter count: reads since the store was opened. Asked once for each record of several rows.
    mutating func areComing(count: Int) -> Bool {
        recordsWithoutRead = count == seen ? min(recordsWithoutRead + 1, Self.recordsWithoutReadMax) : 0
        seen = count
        return recordsWithoutRead < Self.recordsWithoutReadMax
    }
}
