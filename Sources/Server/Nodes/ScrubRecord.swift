import FeatureModel
import Logging
import StorageIO
import Synchronization
import Transport
import Wire

/// What the scrubs of this directory's role have found: the last one, or the running one so far. Kept in a file over restarts.
final class ScrubRecord: Sendable {
    private let path: String
    private let storage: any Storage
    private let clock: any WallClock
    private let logger: Logger
    private let state: Mutex<State>
    /// Told when the interval has changed.
    private let changed = ChangeSignal()

    private struct State {
        var interval: Duration?
        var report: StatusReport.Scrub

        /// When the next one is due. Without an earlier one the first comes after a whole interval: a start has enough to do.
        /// One that never finished may have ended the process: it does not come again at once.
        mutating func setNextDue(now: Microseconds) {
            report.intervalSeconds = interval.map { Int($0 / .seconds(1)) }
            let last = [report.finishedAt, report.startedAt].compactMap { $0 }.max() ?? now
            report.nextDue = interval.map { max(last + $0.microseconds, now) }
        }
    }

    init(_ configuration: ServerConfiguration, _ storage: any Storage, _ clock: any WallClock, _ logger: Logger) {
        path = StoragePath.join(configuration.dataDirectory, "scrub-\(configuration.role.rawValue).json")
        (self.storage, self.clock, self.logger) = (storage, clock, logger)
        let kept = (try? storage.readAll(path)).flatMap { JSON.decode(report: StatusReport.Scrub.self, $0[...]) }
        var report = kept ?? StatusReport.Scrub()
        report.isRunning = false
        var state = State(interval: configuration.scrubInterval, report: report)
        state.setNextDue(now: clock.now())
        self.state = Mutex(state)
    }

    var report: StatusReport.Scrub { state.withLock { $0.report } }

    /// Changes how long lies between two scrubs; one that runs goes on.
    func setInterval(_ interval: Duration?) {
        state.withLock { state in
            if state.interval == interval { return }
            state.interval = interval
            if !state.report.isRunning { return state.setNextDue(now: clock.now()) }
            state.report.intervalSeconds = interval.map { Int($0 / .seconds(1)) }
        }
        changed.tell()
    }

    /// Waits, but not beyond a change of the interval: until another time than `due` is due.
    func wait(_ limit: Duration, whileDue due: Microseconds?) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: limit) }
            group.addTask { try? await self.changed.wait { self.report.nextDue != due } }
            await group.next()
            group.cancelAll()
        }
    }

    /// Changes what is told of the running scrub.
    @discardableResult
    func update<Result: Sendable>(_ body: (inout StatusReport.Scrub) -> Result) -> Result {
        state.withLock { body(&$0.report) }
    }

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
        let report = state.withLock { state in
            state.report.isRunning = false
            state.report.milliseconds = Int(elapsed / .milliseconds(1))
            if isWhole { state.report.finishedAt = clock.now() }
            state.report.nextDue = state.interval.map { clock.now() + $0.microseconds }
            return state.report
        }
        save(isWhole ? report : before)
        return isWhole ? report : nil
    }

    /// Keeps and logs damage; the same place only once.
    func note(_ error: HeadwaterError, in part: String) {
        let finding = StatusReport.Scrub.Finding(
            part: part, location: error.location, message: error.message, foundAt: clock.now())
        let (isListed, soundAt) = update { report -> (Bool, Microseconds?) in
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
