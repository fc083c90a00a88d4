public import Catalog
public import FeatureModel
internal import Synchronization

/// The state of the online engine that other threads may read. Its owner publishes it after each step.
public final class OnlineState: Sendable {
    public struct Snapshot: Sendable {
        /// The catalog at the applied position.
        public var catalog = Catalog()
        public var durablePosition: Position = 0
        /// The last position that was given out.
        public var lastPosition: Position = 0
        /// Why no write is taken any more; `nil` while all is well.
        public var failure: HeadwaterError?
        public var producerSessions = 0
        /// Positions that recoveries skipped: a write acknowledged there was lost.
        public var gaps: [ClosedRange<Position>] = []
    }

    /// Of the streams that are written just now.
    public let plans = SingleRowPlans()
    private let state = Mutex(Snapshot())
    private let publishedCatalog = Atomic<Position>(0)

    public var current: Snapshot { state.withLock { $0 } }
    public var catalog: Catalog { state.withLock { $0.catalog } }

    /// The position of `catalog`: whether it has changed is asked at every get.
    public var catalogPosition: Position { publishedCatalog.load(ordering: .acquiring) }

    func publish(_ snapshot: Snapshot) {
        state.withLock { $0 = snapshot }
        publishedCatalog.store(snapshot.catalog.position, ordering: .releasing)
    }
}
