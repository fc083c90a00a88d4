public import FeatureModel
public import OnlineStore

/// A snapshot to be written: the cut and what the engine keeps with it.
public struct SnapshotJob: Sendable {
    public let cut: OnlineReadView
    let extra: [UInt8]
    let store: OnlineStore

    /// Writes and verifies the file. Any thread; reads and writes go on.
    ///
    /// - Throws: `.resourceExhausted` on a full disk, `.unavailable` for a failing one, `.cancelled`; the store goes on as it
    ///   was.
    public func run(isCancelled: @escaping () -> Bool = { false }) throws(HeadwaterError) -> WrittenSnapshot {
        try store.writeSnapshot(cut, extra: extra, isCancelled: isCancelled)
    }
}
