import Engine
import FeatureModel
import Log
import Logging
import StorageIO

extension OnlineNode {
    /// Opens the online service of a data directory: replays its log, and takes the retention cutoffs that are due.
    ///
    /// - Throws: `.failedPrecondition` where another process owns the store, `.dataLoss` for damage.
    static func open(
        _ configuration: ServerConfiguration, _ storage: RealStorage, clock: any WallClock, ticker: Ticker, logger: Logger,
        manager: ServiceManager
    ) throws(HeadwaterError) -> OnlineNode {
        var options = OnlineOptions()
        options.durability = configuration.durability
        configuration.setLimits(of: &options)
        options.log = LogOptions(segmentBytes: configuration.segmentBytes)
        var random = SystemRandomNumberGenerator()
        let newLogID = LogID((0..<LogID.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        var replay = ReplayWatch(logger, manager)
        let engine = try OnlineEngine.open(
            storage: storage, dataDirectory: configuration.dataDirectory, options: options, newLogID: newLogID,
            seed: random.next(), now: clock.now(), boot: clock.bootTime(),
            progress: { replay.note($0, of: $1) }, notice: { logger.warning("\($0)") })
        replay.tell(endedCleanly: engine.endedCleanly)
        // Before anybody reads: a store that is never open for long keeps its retention too.
        let now = engine.clockAtOpen?.last ?? clock.now()
        for error in engine.cutOffDue(now: now, ageTime: engine.clockAtOpen?.ageTime ?? now) {
            logger.warning("a retention cutoff was not taken", metadata: ["error": "\(error)"])
        }
        let node = OnlineNode(engine, clock: clock, logger: logger, ticker: ticker, replayed: replay.elapsed.microseconds)
        node.housekeep()
        return node
    }
}
