import Catalog
import Engine
import FeatureModel
import Foundation
import Log
import OfflineStore
import OnlineStore
import StorageIO
import Synchronization
import Transport
import Wire

/// Tells where a server and its stores stand: for `status`, and for whoever looks from outside.
struct StatusReader {
    /// How long a status waits for the writer thread.
    private static let writerPatience = Duration.seconds(1)

    let services: Services

    func report() async -> StatusReport {
        var report = StatusReport(
            roles: services.configuration.roleNames, version: HeadwaterVersion.current,
            logID: services.logID.hexadecimal,
            wallTime: services.clock.now(), online: nil, offline: nil)
        report.pid = Int(ProcessInfo.processInfo.processIdentifier)
        report.startedAt = services.startedAt
        report.directory = services.configuration.dataDirectory
        report.diskFreeBytes = try? services.storage.freeBytes(services.configuration.dataDirectory)
        if let online = services.online { report.online = await status(of: online) }
        if let offline = services.offline { report.offline = await status(of: offline) }
        report.bootstrap =
            services.history.fetch
            ?? services.history.failure.map { StatusReport.Bootstrap(source: "the log", failure: "\($0)") }
        report.scrub = services.scrubs.report
        report.network = services.listening.transport.map(StatusReport.Network.init)
        return report
    }

    /// What only the writer thread may ask of the log.
    private struct LogFigures: Sendable {
        var retention: LogRetention?
        var followers: [FollowerFigures] = []
        var failure: String?
    }

    /// Asks the writer thread, but does not wait long for it: a disk that hangs must not hide the rest of the status.
    private func logFigures(_ online: OnlineNode) async -> LogFigures {
        await withCheckedContinuation { continuation in
            let once = Once { continuation.resume(returning: $0) }
            online.engine.run { engine in
                var figures = LogFigures(retention: engine.logRetention)
                do throws(HeadwaterError) { figures.followers = try engine.followerFigures() } catch {
                    figures.failure = "the log's followers cannot be listed: \(error)"
                }
                once.call(figures)
            }
            Task {
                try? await Task.sleep(for: Self.writerPatience)
                once.call(
                    LogFigures(
                        failure: "the log's writer has not answered for \(Self.writerPatience): the log's figures are missing"))
            }
        }
    }

    private func status(of online: OnlineNode) async -> StatusReport.Online {
        let log = await logFigures(online)
        let state = online.state.current
        let groups = online.store.statisticsAtMost
        let reads = online.store.readCounters
        let failures = [state.failure?.description, log.failure].compactMap { $0 }
        var report = StatusReport.Online(
            durability: online.options.durability.text, lastPosition: state.lastPosition, durablePosition: state.durablePosition,
            appliedPosition: online.store.appliedPosition, catalogPosition: state.catalog.position,
            snapshotPosition: online.store.snapshotPosition, memoryBytes: online.store.memoryBytes,
            producerSessions: state.producerSessions, logBytes: log.retention?.retainedBytes ?? 0,
            logSegments: log.retention?.segmentCount ?? 0, oldestPosition: log.retention?.oldestPosition ?? 0,
            logBytesMax: online.options.logBytesMax,
            followers: await FollowerReports(services: services).reports(log.followers, durable: state.durablePosition),
            groups: state.catalog.allGroups.map { group in
                let counted = groups[group.id]
                var report = StatusReport.OnlineGroup(
                    project: group.project, group: group.reference, rowsAtMost: counted?.rows ?? 0, bytes: counted?.bytes ?? 0)
                if let read = reads[group.id]?.current { (report.hits, report.misses, report.expired) = read }
                return report
            }, failure: failures.isEmpty ? nil : failures.joined(separator: "; "))
        report.snapshotBytes = online.store.snapshotBytes
        report.residentBytes = online.store.residentBytes
        report.residentBytesMax = online.options.memoryBytesMax
        report.clockAhead = online.clock.strayed
        return report
    }

    private func status(of offline: OfflineNode) async -> StatusReport.Offline {
        let lag = await lag(of: offline)
        let status = offline.store.status()
        let failure =
            offline.state.failure ?? status.failure ?? offline.writingFailure.withLock { $0 }
            ?? offline.sourceFailure.withLock { $0 }
        let counts = Dictionary(uniqueKeysWithValues: status.groups.map { ($0.groupID, $0) })
        var report = StatusReport.Offline(
            durablePosition: status.durablePosition, appliedPosition: status.appliedPosition,
            lag: lag?.positions, oldestAsOf: status.oldestAsOf,
            groups: offline.state.catalog.allGroups.map { group in
                let counted = counts[group.id]
                return StatusReport.OfflineGroup(
                    project: group.project, group: group.reference, rows: counted?.rowCount ?? 0,
                    chunksByLevel: counted?.chunksByLevel ?? [], chunkBytes: counted?.chunkBytes ?? 0,
                    memoryRows: counted?.memoryRows ?? 0, oldestAsOf: counted?.oldestAsOf ?? 0)
            }, failure: failure?.description)
        report.lagRows = lag?.rows
        report.lagMicroseconds = lag?.microseconds
        report.flushedBytes = status.flushedBytes
        report.compactedBytes = status.compactedBytes
        return report
    }

    private func lag(of offline: OfflineNode) async -> LogLag? {
        await withCheckedContinuation { continuation in
            services.workers.follow.submit(orNot: { isActive in
                continuation.resume(returning: isActive ? LogLag(of: offline, services) : nil)
            })
        }
    }
}

extension Durability {
    /// As `--durability` spells it.
    var text: String {
        switch self {
        case .sync: "sync"
        case .interval(let microseconds): "interval:\(microseconds / 1_000)"
        }
    }
}

extension StatusReport.Network {
    init(_ transport: ServerTransport) {
        self.init(
            connections: transport.connectionCount, connectionsMax: transport.connectionsMax, bytes: transport.networkBytes,
            bytesMax: transport.networkBytesMax, longestTurnMicroseconds: Int(transport.longestTurn.microseconds),
            longestTurnByClockMicroseconds: Int(transport.longestTurnByClock.microseconds))
    }
}
