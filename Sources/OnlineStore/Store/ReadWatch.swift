/// Whether a store is read just now, as the thread that applies sees it: only then has giving its core away between rows a use.
///
/// Where nobody reads it gives the core to whatever else the machine does: beside an offline service a fifth of a writer's time,
/// up to 27 ms at once (docs/internals/server-loop.md, *Sharing a core*).
struct ReadWatch {
    /// Looks without a read between them after which reads are no longer expected: some tenths of a second of busy writing.
    private static let looksWithoutReadMax = 4_096

    private var seen = 0
    private var looksWithoutRead = looksWithoutReadMax

    /// Asked wherever the thread might give way.
    ///
    /// - Parameter count: reads since the store was opened.
    mutating func areComing(count: Int) -> Bool {
        looksWithoutRead = count == seen ? min(looksWithoutRead + 1, Self.looksWithoutReadMax) : 0
        seen = count
        return looksWithoutRead < Self.looksWithoutReadMax
    }
}
