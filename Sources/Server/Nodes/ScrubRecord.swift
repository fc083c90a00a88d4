import FeatureModel
import Logging
import StorageIO
import Synchronization
import Wire

/// What the scrubs of this directory's role have found: the last one, or the running one so far. Kept in a file over restarts.
final class ScrubRecord: Sendable {
    private let path: String
    private let storage: any Storage
    private let clock: any WallClock
    private let logger: Logger
    private let interval: Duration?
    private let state: Mutex<StatusReport.Scrub>

    init(_ configuration: ServerConfiguration, _ storage: any Storage, _ clock: any WallClock, _ logger: Logger) {
        path = StoragePath.join(configuration.dataDirectory, "scrub-\(configuration.role.rawValue).json")
        (self.storage, self.clock, self.logger) = (storage, clock, logger)
        interval = configuration.scrubInterval
        let kept = (try? storage.readAll(path)).flatMap { JSON.decode(report: StatusReport.Scrub.self, $0[...]) }
        var report = kept ?? StatusReport.Scrub()
        report.intervalSeconds = interval.map { Int($0 / .seconds(1)) }
        report.isRunning = false
        report.nextDue = nil
        if let interval {
            // Without an earlier one the first comes after a whole interval: a start has enough to do.
            // One that never finished may have ended the process: it does not come again at once.
            let last = [report.finishedAt, report.startedAt].compactMap { $0 }.max() ?? clock.now()
            report.nextDue = max(last + interval.microseconds, clock.now())
        }
        state = Mutex(report)
    }

    var report: StatusReport.Scrub { state.withLock { $0 } }

    /// Changes what is told of the running scrub.
    func update(_ body: (inout StatusReport.Scrub) -> Void) { state.withLock { body(&$0) } }

    /// A scrub begins.
    ///
    /// - Returns: what was known before.
    func begin() -> StatusReport.Scrub {
        let before = report
        var begin = StatusReport.Scrub()
        begin.intervalSeconds = before.intervalSeconds
        begin.isRunning = true
        begin.startedAt = clock.now()
        begin.previousFinishedAt = before.finishedAt ?? before.previousFinishedAt
        update { $0 = begin }
        save(begin)
        return before
    }

    /// The scrub is over.
    ///
    /// - Parameters:
    ///   - isWhole: `false` where a shutdown cut it short: the next process scrubs when this one should have.
    ///   - before: what `begin` gave.
    /// - Returns: what it found; `nil` where it was cut short.
    func end(isWhole: Bool, elapsed: Duration, before: StatusReport.Scrub) -> StatusReport.Scrub? {
        let report = state.withLock { report in
            report.isRunning = false
            report.milliseconds = Int(elapsed / .milliseconds(1))
            if isWhole { report.finishedAt = clock.now() }
            report.nextDue = interval.map { clock.now() + $0.microseconds }
            return report
        }
        save(isWhole ? report : before)
        return isWhole ? report : nil
    }

    /// Keeps and logs damage; the same place only once.
    func note(_ error: HeadwaterError, in part: String) {
        let finding = StatusReport.Scrub.Finding(
            part: part, location: error.location, message: error.message, foundAt: clock.now())
        let (isListed, soundAt) = state.withLock { report -> (Bool, Microseconds?) in
            guard !report.findings.contains(where: { $0.location == finding.location && $0.location != nil }) else {
                return (false, nil)
            }
            report.damageCount += 1
            let isListed = report.findings.count < StatusReport.Scrub.findingsMax
            if isListed { report.findings.append(finding) }
            return (isListed, report.previousFinishedAt)
        }
        guard isListed else { return }
        logger.error(
            "the scrub found damage",
            metadata: [
                "part": "\(part)", "at": "\(error.location ?? "-")", "error": "\(error.message)",
                "last scrub before": "\(soundAt.map { TimeText.format($0) } ?? "none")",
            ])
    }

    private func save(_ report: StatusReport.Scrub) {
        do throws(HeadwaterError) {
            try storage.replaceAtomically(path, Array(JSON.encode(report: report)))
        } catch { logger.warning("the scrub's report could not be kept", metadata: ["error": "\(error)"]) }
    }
}
