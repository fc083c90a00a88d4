import Catalog
import Client
import Engine
import FeatureModel
import Log
import OfflineStore
import OnlineStore
import Server
import StorageIO
import Transport
import Wire

/// The status of the stores in a data directory on which no server runs.
enum DirectStatus {
    static func report(dataDirectory: String) throws(HeadwaterError) -> StatusReport {
        let storage = RealStorage()
        let stored = try DataDirectory(dataDirectory, storage: storage)
        let log = stored.log
        let online = try stored.online()
        var report = StatusReport(
            roles: [], version: HeadwaterVersion.current, logID: log.logID.description, wallTime: SystemClock().now(),
            online: try onlinePart(stored, log, online), offline: nil)
        report.directory = dataDirectory
        report.diskFreeBytes = try? storage.freeBytes(dataDirectory)
        if stored.hasHistory {
            let store = try stored.openOffline()
            report.offline = offlinePart(store.status(), log, online.catalog)
        }
        return report
    }

    private static func onlinePart(
        _ stored: DataDirectory, _ log: any LogReading, _ online: OnlineDirectory
    ) throws(HeadwaterError) -> StatusReport.Online {
        let bytes = try stored.recordLog.byteCount()
        let verified = try stored.recordLog.verify()
        let statistics = online.store.statisticsAtMost
        let listed = followers(stored.recordLog, log)
        let failures = [verified.damage.map { Failure.message($0) }, listed.failure].compactMap { $0 }
        var report = StatusReport.Online(
            durability: "-", lastPosition: log.durablePosition, durablePosition: log.durablePosition,
            appliedPosition: online.store.appliedPosition, catalogPosition: online.catalog.position,
            snapshotPosition: online.store.snapshotPosition, memoryBytes: online.store.memoryBytes, producerSessions: 0,
            logBytes: bytes,
            logSegments: verified.segments, oldestPosition: verified.firstPosition ?? 0, logBytesMax: 0,
            followers: listed.followers,
            groups: online.catalog.allGroups.map { group in
                let counts = statistics[group.id]
                return StatusReport.OnlineGroup(
                    project: group.project, group: group.reference, rowsAtMost: counts?.rows ?? 0, bytes: counts?.bytes ?? 0)
            }, failure: failures.isEmpty ? nil : failures.joined(separator: "; "))
        report.snapshotBytes = online.store.snapshotBytes
        report.residentBytes = online.store.residentBytes
        return report
    }

    /// The log's followers, and why they cannot be listed where they cannot: all else is reported all the same.
    private static func followers(
        _ recordLog: any RecordLog, _ log: any LogReading
    ) -> (followers: [StatusReport.Follower], failure: String?) {
        var reports: [StatusReport.Follower] = []
        let known: [FollowerCheckpoint]
        do throws(HeadwaterError) { known = try recordLog.followers() } catch {
            return ([], "the log's followers cannot be listed: \(Failure.message(error))")
        }
        for follower in known {
            let durable = log.durablePosition
            // Damage in the log stands in the report; the followers are listed all the same.
            let heldBytes = (try? log.bytes(behind: follower.position)) ?? 0
            reports.append(
                StatusReport.Follower(
                    name: follower.name.description, position: follower.position,
                    behind: durable - min(durable, follower.position), heldBytes: heldBytes, connected: false, lastHeard: nil))
        }
        return (reports, nil)
    }

    private static func offlinePart(_ status: OfflineStatus, _ log: any LogReading, _ catalog: Catalog) -> StatusReport.Offline {
        StatusReport.Offline(
            durablePosition: status.durablePosition, appliedPosition: status.appliedPosition,
            lag: log.durablePosition - min(log.durablePosition, status.appliedPosition), oldestAsOf: status.oldestAsOf,
            groups: status.groups.compactMap { part in
                catalog.group(id: part.groupID).map { group in
                    StatusReport.OfflineGroup(
                        project: group.project, group: group.reference, rows: part.rowCount, chunksByLevel: part.chunksByLevel,
                        chunkBytes: part.chunkBytes, memoryRows: part.memoryRows,
                        oldestAsOf: part.oldestAsOf)
                }
            }, failure: status.failure.map { Failure.message($0) })
    }
}
