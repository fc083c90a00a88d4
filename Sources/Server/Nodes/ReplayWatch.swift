import Engine
import FeatureModel
import Logging

/// Watches how a start applies the log behind its snapshot, and tells what took so long.
struct ReplayWatch {
    private let logger: Logger
    private let manager: ServiceManager
    private var start: (position: Position, time: ContinuousClock.Instant)?
    private var end: Position = 0
    /// What applying the log took, without the rest of the open: the disk is asked for much there that no snapshot would save.
    private(set) var elapsed = Duration.zero

    init(_ logger: Logger, _ manager: ServiceManager) { (self.logger, self.manager) = (logger, manager) }

    /// Takes what `OnlineEngine.open` tells of its progress.
    mutating func note(_ applied: Position, of last: Position, at now: ContinuousClock.Instant = .now) {
        if let start { elapsed = now - start.time } else { start = (applied, now) }
        end = applied
        guard applied < last else { return }
        logger.info("replaying the log", metadata: ["position": "\(applied)", "of": "\(last)"])
        manager.replaying(applied, of: last)
    }

    /// Says what was replayed, if anything was. Why the last stop wrote no snapshot it said itself.
    func tell(endedCleanly: Bool?) {
        if let told = told(endedCleanly: endedCleanly) { logger.info("replayed the log", metadata: told) }
    }

    func told(endedCleanly: Bool?) -> Logger.Metadata? {
        guard let start else { return nil }
        return [
            "from": "\(start.position)", "to": "\(end)", "milliseconds": "\(elapsed.microseconds / 1_000)",
            "because": endedCleanly == false ? "the last end was not clean" : "no snapshot stands at the log's end",
        ]
    }
}
