import Engine
import FeatureModel
import Foundation
import Log
import Logging
import OfflineStore
import OnlineStore
import StorageIO
import Synchronization
import Wire

/// Reads the cold files of this process again and again, slowly, and
/// compares the stores: damage should be found before it is needed.
///
/// One scrub reads the log (where this process owns it), the snapshot and the chunks, checks every
/// checksum in them, and then audits online against offline where both can be reached. It runs on a
/// thread of its own that gives way to all others, and reads no more bytes a second than it is allowed.
/// It checks what a read would get: pages in the system's cache are not read from the disk again.
final class Scrubber: Sendable {
    private let services: Services
    private let interval: Duration?
    private let worker = SerialWorker(.background)
    private let isStopping = Atomic<Bool>(false)
    private let state: Mutex<StatusReport.Scrub>

    init(services: Services) {
        self.services = services
        interval = services.configuration.scrubInterval
        var report = Self.load(services) ?? StatusReport.Scrub()
        report.intervalSeconds = interval.map { Int($0 / .seconds(1)) }
        report.isRunning = false
        report.nextDue = nil
        if let interval {
            // Without an earlier one the first comes after a whole interval: a start has enough to do.
            // One that never finished may have ended the process: it does not come again at once.
            let last = [report.finishedAt, report.startedAt].compactMap { $0 }.max() ?? services.clock.now()
            report.nextDue = max(last + interval.microseconds, services.clock.now())
        }
        state = Mutex(report)
    }

    /// What the last scrub found, or what the running one has found so far.
    var report: StatusReport.Scrub { state.withLock { $0 } }

    /// Scrubs whenever one is due, until the task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            while let due = state.withLock({ $0.nextDue }) {
                let wait = due - services.clock.now()
                if wait > 0 { try? await Task.sleep(for: .microseconds(min(wait, 60_000_000))) }
                if Task.isCancelled { return }
                if due <= services.clock.now() { await scrub() }
            }
        } onCancel: {
            isStopping.store(true, ordering: .relaxed)
        }
    }

    func close() async {
        isStopping.store(true, ordering: .relaxed)
        await worker.shutdown()
    }

    // MARK: One scrub

    /// Reads and compares everything once.
    func scrub() async {
        let started = services.clock.now()
        let begun = ContinuousClock.now
        let before = self.report
        var begin = StatusReport.Scrub()
        begin.intervalSeconds = before.intervalSeconds
        begin.isRunning = true
        begin.startedAt = started
        begin.previousFinishedAt = before.finishedAt ?? before.previousFinishedAt
        state.withLock { $0 = begin }
        save(begin)
        await withCheckedContinuation { continuation in
            worker.submit(orNot: { isActive in
                if isActive { self.readFiles() }
                continuation.resume()
            })
        }
        await audit()
        let report = state.withLock { report in
            report.isRunning = false
            report.milliseconds = Int((ContinuousClock.now - begun) / .milliseconds(1))
            if !isStopping.load(ordering: .relaxed) { report.finishedAt = services.clock.now() }
            report.nextDue = interval.map { services.clock.now() + $0.microseconds }
            return report
        }
        // Cut short by a shutdown: the next process scrubs when this one should have.
        guard report.finishedAt != nil else { return save(before) }
        save(report)
        let unlisted = report.damageCount - report.findings.count
        if unlisted > 0 {
            services.logger.error("the scrub found more damage than is listed", metadata: ["places": "\(unlisted)"])
        }
        services.logger.info(
            "scrub finished",
            metadata: [
                "bytes": "\(report.bytes)", "rows": "\(report.rows)", "damage": "\(report.damageCount)",
                "differences": "\(report.differenceCount)", "milliseconds": "\(report.milliseconds)",
            ])
    }

    /// On the scrub's thread.
    private func readFiles() {
        let pace = ScrubPace(bytesPerSecond: services.configuration.scrubBytesPerSecond)
        if services.online != nil {
            read("log", pace) { (visit) throws(HeadwaterError) in
                let report = try services.log.verify(visit)
                if let damage = report.damage { try visit(.damaged(damage)) }
            }
        }
        if let online = services.online {
            read("snapshot", pace) { (visit) throws(HeadwaterError) in try online.store.verifySnapshot(visit) }
        }
        if let offline = services.offline {
            read("chunks", pace) { (visit) throws(HeadwaterError) in try offline.store.verifyAll(visit) }
        }
    }

    private func read(_ part: String, _ pace: ScrubPace, _ body: (ScrubVisit) throws(HeadwaterError) -> Void) {
        do throws(HeadwaterError) {
            try body { (step) throws(HeadwaterError) in
                if isStopping.load(ordering: .relaxed) { throw Self.stopped }
                switch step {
                case .damaged(let error): note(error, part)
                case .checked(let bytes, let rows):
                    state.withLock { report in
                        report.bytes += bytes
                        report.rows += rows
                    }
                    pace.wait(for: bytes) { isStopping.load(ordering: .relaxed) }
                }
            }
        } catch {
            if error == Self.stopped { return }
            if error.code == .dataLoss { return note(error, part) }
            // Says nothing about the bytes: they may hold.
            services.logger.error("the scrub could not read", metadata: ["part": "\(part)", "error": "\(error)"])
            state.withLock { $0.notRead = ($0.notRead ?? [:]).merging([part: error.description]) { $1 } }
        }
    }

    private static let stopped = HeadwaterError(.cancelled, "the server is shutting down")

    private func audit() async {
        guard let offline = services.offline, !isStopping.load(ordering: .relaxed) else { return }
        let caller = AuditCaller(services) { self.isStopping.load(ordering: .relaxed) ? Self.stopped : nil }
        do {
            let found = try await AuditRun(services: services, offline: offline, project: "", caller: caller).run(minPosition: 0)
            state.withLock { report in
                report.auditedPosition = found.position
                report.rows += found.groups.reduce(0) { $0 + Int($1.onlineRows + $1.offlineRows) }
                report.differenceCount = found.differenceCount
                report.differences = found.differences
            }
            for difference in found.differences {
                services.logger.error(
                    "the scrub found online and offline to differ",
                    metadata: [
                        "group": "\(difference.group)", "key": "\(difference.key)", "kind": "\(difference.kind)",
                        "online": "\(difference.online ?? "-")", "offline": "\(difference.offline ?? "-")",
                        "position": "\(found.position)",
                    ])
            }
        } catch {
            let error = asHeadwaterError(error)
            if error.code == .dataLoss { return note(error, "audit") }
            state.withLock { $0.notAudited = error.description }
        }
    }

    /// Keeps and logs what was found; the same place only once.
    private func note(_ error: HeadwaterError, _ part: String) {
        let now = services.clock.now()
        let finding = StatusReport.Scrub.Finding(
            part: part, location: error.location, message: error.message, foundAt: now)
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
        services.logger.error(
            "the scrub found damage",
            metadata: [
                "part": "\(part)", "at": "\(error.location ?? "-")", "error": "\(error.message)",
                "last scrub before": "\(soundAt.map { TimeText.format($0) } ?? "none")",
            ])
    }

    // MARK: Kept over a restart

    private static func path(_ services: Services) -> String {
        StoragePath.join(services.configuration.dataDirectory, "scrub-\(services.configuration.role.rawValue).json")
    }

    private static func load(_ services: Services) -> StatusReport.Scrub? {
        guard let bytes = try? services.storage.readAll(path(services)) else { return nil }
        return JSON.decode(report: StatusReport.Scrub.self, bytes[...])
    }

    private func save(_ report: StatusReport.Scrub) {
        do throws(HeadwaterError) {
            try services.storage.replaceAtomically(Self.path(services), Array(JSON.encode(report: report)))
        } catch { services.logger.warning("the scrub's report could not be kept", metadata: ["error": "\(error)"]) }
    }
}

/// Holds a thread back so that it reads no more bytes a second than it may.
final class ScrubPace {
    private let bytesPerSecond: Int
    /// When the bytes so far may have been read.
    private var due = ContinuousClock.now
    /// How far behind it may catch up, after reads that were slow.
    private static let burst = Duration.seconds(1)
    private static let nap: TimeInterval = 0.05

    init(bytesPerSecond: Int) { self.bytesPerSecond = max(1, bytesPerSecond) }

    func wait(for more: Int, isStopping: () -> Bool) {
        due = max(due, .now - Self.burst) + .seconds(Double(more) / Double(bytesPerSecond))
        while due > .now, !isStopping() { Thread.sleep(forTimeInterval: min(Self.nap, (due - .now) / .seconds(1))) }
    }
}
