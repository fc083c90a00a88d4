import Engine
import FeatureModel
import Foundation
import Log
import Logging
import OfflineStore
import OnlineStore
import ServiceLifecycle
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
final class Scrubber: Service {
    private let services: Services
    private let worker = SerialWorker(.background)
    private let isCancelled = Atomic<Bool>(false)
    private static let stepMax: Microseconds = 60_000_000

    init(services: Services) { self.services = services }

    /// Scrubs whenever one is due, until the server is told to stop, or the task is cancelled.
    func run() async {
        await cancelWhenGracefulShutdown { await self.scrubWhenDue() }
        await worker.shutdown()
        // Where none is ever due: a part of the server ends when it is told to.
        try? await gracefulShutdown()
    }

    private func scrubWhenDue() async {
        await withTaskCancellationHandler {
            while !mustStop, !Task.isCancelled {
                let due = services.scrubs.report.nextDue
                let wait = due.map { $0 - services.clock.now() } ?? .max
                if wait <= 0 {
                    await scrub()
                } else {
                    // In steps: the wall clock may be set meanwhile.
                    await services.scrubs.wait(.microseconds(min(wait, Self.stepMax)), whileDue: due)
                }
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
    }

    // MARK: One scrub

    /// Reads and compares everything once.
    func scrub() async {
        let begun = ContinuousClock.now
        let before = services.scrubs.begin()
        await withCheckedContinuation { continuation in
            worker.submit(orNot: { isActive in
                if isActive { self.readFiles() }
                continuation.resume()
            })
        }
        await audit()
        let isWhole = !mustStop
        guard let report = services.scrubs.end(isWhole: isWhole, elapsed: ContinuousClock.now - begun, before: before) else {
            return
        }
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
        let pace = ScrubPace { [services] in services.configuration.scrubBytesPerSecond }
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
                if mustStop { throw Self.stopped }
                switch step {
                case .damaged(let error): services.scrubs.note(error, in: part)
                case .checked(let bytes, let rows):
                    services.scrubs.update { report in
                        report.bytes += bytes
                        report.rows += rows
                    }
                    pace.wait(for: bytes) { mustStop }
                }
            }
        } catch {
            if error == Self.stopped { return }
            if error.code == .dataLoss { return services.scrubs.note(error, in: part) }
            // Says nothing about the bytes: they may hold.
            services.logger.error("the scrub could not read", metadata: ["part": "\(part)", "error": "\(error)"])
            services.scrubs.update { $0.notRead = ($0.notRead ?? [:]).merging([part: error.description]) { $1 } }
        }
    }

    /// A scrub gives up as soon as the server begins to stop: requests that wait behind its audit come first.
    private var mustStop: Bool { isCancelled.load(ordering: .relaxed) || services.isStopping }

    private static let stopped = HeadwaterError(.cancelled, "the server is shutting down")

    private func audit() async {
        guard let offline = services.offline, !mustStop else { return }
        let caller = AuditCaller(services) { self.mustStop ? Self.stopped : nil }
        do {
            let found = try await AuditRun(services: services, offline: offline, project: "", caller: caller).run(minPosition: 0)
            services.scrubs.update { report in
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
            if error.code == .dataLoss { return services.scrubs.note(error, in: "audit") }
            services.scrubs.update { $0.notAudited = error.description }
        }
    }
}

/// Holds a thread back so that it reads no more bytes a second than it may.
final class ScrubPace {
    /// The rate, which may change at any time.
    private let bytesPerSecond: () -> Int
    /// Bytes that were read before they might be; below zero, bytes that may be read at once, after reads that were slow.
    private var ahead = 0.0
    private var last = ContinuousClock.now
    /// How many seconds it may catch up.
    private static let burst = 1.0
    private static let nap: TimeInterval = 0.05

    init(bytesPerSecond: @escaping () -> Int) { self.bytesPerSecond = bytesPerSecond }

    func wait(for more: Int, isStopping: () -> Bool) {
        ahead += Double(more)
        while true {
            let (rate, now) = (Double(max(1, bytesPerSecond())), ContinuousClock.now)
            ahead = max(ahead - (now - last) / .seconds(1) * rate, -Self.burst * rate)
            last = now
            if ahead <= 0 || isStopping() { return }
            Thread.sleep(forTimeInterval: min(Self.nap, ahead / rate))
        }
    }
}
