import FeatureModel
import Server
import Wire

/// The metrics of an online service and its log.
struct OnlineMetrics {
    private let online: StatusReport.Online
    private let figures: ServerFigures

    init(_ online: StatusReport.Online, _ figures: ServerFigures) { (self.online, self.figures) = (online, figures) }

    func families() -> [MetricFamily] { log + writer + store + followers }

    private var log: [MetricFamily] {
        var families = [
            MetricFamily(
                .gauge, "headwater_log_failed", "Whether the log takes no more writes", .flag(figures.logFailed ?? false)),
            MetricFamily(
                .gauge, "headwater_log_last_position", "The last position given out", .integer(online.lastPosition)),
            MetricFamily(
                .gauge, "headwater_log_durable_position", "The last position on the disk", .integer(online.durablePosition)),
        ]
        // A log that has no file has one whose writer is too busy to be asked.
        guard online.logSegments > 0 else { return families }
        families += [
            MetricFamily(
                .gauge, "headwater_log_oldest_position", "The oldest position that the log still holds",
                .integer(online.oldestPosition)),
            MetricFamily(
                .gauge, "headwater_log_bytes", unit: "bytes", "What the log takes on the disk", .integer(online.logBytes)),
            MetricFamily(
                .gauge, "headwater_log_max_bytes", unit: "bytes", "What the log may take before writes are refused",
                .integer(online.logBytesMax)),
            MetricFamily(.gauge, "headwater_log_segments", "Files of the log", .integer(online.logSegments)),
        ]
        return families
    }

    private var writer: [MetricFamily] {
        guard let writer = figures.writer else { return [] }
        return [
            MetricFamily(
                .histogram, "headwater_log_commit_duration_seconds", unit: "seconds",
                "Time to write a group of records to the log, and to sync it where writes are acknowledged after that",
                .histogram(writer.commits)),
            MetricFamily(
                .histogram, "headwater_log_sync_duration_seconds", unit: "seconds",
                "Time of the log's syncs: of each group, or with --durability interval between groups", .histogram(writer.syncs)),
            MetricFamily(
                .counter, "headwater_log_records", "Records written to the log: writes, definitions, cutoffs",
                .integer(writer.commands)),
            MetricFamily(
                .counter, "headwater_log_commit_failures", "Groups that could not be written or synced",
                .integer(writer.failedCommits)),
            MetricFamily(
                .histogram, "headwater_online_apply_duration_seconds", unit: "seconds",
                "Time until a group of records in the log could be read from the online store", .histogram(writer.applies)),
            MetricFamily(
                .histogram, "headwater_snapshot_duration_seconds", unit: "seconds", "Time to write a snapshot",
                .histogram(writer.snapshots)),
            MetricFamily(
                .counter, "headwater_snapshot_failures", "Snapshots that could not be written",
                .integer(writer.failedSnapshots)),
        ]
    }

    private var store: [MetricFamily] {
        var families = [
            MetricFamily(
                .gauge, "headwater_online_applied_position", "The last position that gets see", .integer(online.appliedPosition)),
            MetricFamily(
                .gauge, "headwater_snapshot_position", "The position of the last snapshot", .integer(online.snapshotPosition)),
            MetricFamily(
                .gauge, "headwater_snapshot_bytes", unit: "bytes", "What the last snapshot takes on the disk",
                .integer(online.snapshotBytes)),
            MetricFamily(
                .gauge, "headwater_online_resident_bytes", unit: "bytes",
                "What all online rows take, the mapped snapshot counted", .integer(online.residentBytes)),
            MetricFamily(
                .gauge, "headwater_producer_sessions", "Sessions of producers that are remembered",
                .integer(online.producerSessions)),
            MetricFamily(
                .gauge, "headwater_clock_ahead_seconds", unit: "seconds",
                "How far the wall clock is ahead of trusted time where it is not followed; 0 while all is well",
                .seconds(microseconds: online.clockAhead ?? 0)),
        ]
        if let most = online.residentBytesMax {
            families.append(
                MetricFamily(
                    .gauge, "headwater_online_resident_max_bytes", unit: "bytes", "What online rows may take", .integer(most)))
        }
        return families
    }

    private var followers: [MetricFamily] {
        func samples(_ value: (StatusReport.Follower) -> MetricFamily.Value?) -> [MetricFamily.Sample] {
            online.followers.compactMap { follower in
                value(follower).map { MetricFamily.Sample(labels: [("follower", follower.name)], value: $0) }
            }
        }
        return [
            MetricFamily(
                .gauge, "headwater_follower_connected", "Whether a follower of the log is there",
                samples { .flag($0.connected) }),
            MetricFamily(
                .gauge, "headwater_follower_behind_positions", "Durable positions that a follower does not hold yet",
                samples { .integer($0.behind) }),
            MetricFamily(
                .gauge, "headwater_follower_held_bytes", unit: "bytes", "What the log keeps for a follower",
                samples { .integer($0.heldBytes) }),
            MetricFamily(
                .gauge, "headwater_follower_last_heard_timestamp_seconds", unit: "seconds",
                "When a follower last said something, since 1970 UTC",
                samples { $0.lastHeard.map { .seconds(microseconds: $0) } }),
        ]
    }
}
