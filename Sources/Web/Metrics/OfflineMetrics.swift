import FeatureModel
import Server
import Wire

/// The metrics of an offline service.
struct OfflineMetrics {
    private let offline: StatusReport.Offline
    private let figures: ServerFigures

    init(_ offline: StatusReport.Offline, _ figures: ServerFigures) { (self.offline, self.figures) = (offline, figures) }

    func families() -> [MetricFamily] { positions + jobs }

    private var positions: [MetricFamily] {
        var families = [
            MetricFamily(
                .gauge, "headwater_offline_failed",
                "Whether history stays at its position, or cannot be written or followed", .flag(offline.failure != nil)),
            MetricFamily(
                .gauge, "headwater_offline_applied_position", "The last position that histories see",
                .integer(offline.appliedPosition)),
            MetricFamily(
                .gauge, "headwater_offline_durable_position", "The last position in chunks",
                .integer(offline.durablePosition)),
            MetricFamily(
                .gauge, "headwater_offline_oldest_as_of_position", "The least position as of which every group can be read",
                .integer(offline.oldestAsOf)),
        ]
        if let lag = offline.lag {
            families.append(
                MetricFamily(
                    .gauge, "headwater_offline_lag_positions", "Positions of the log that history does not hold yet",
                    .integer(lag)))
        }
        if let microseconds = offline.lagMicroseconds {
            families.append(
                MetricFamily(
                    .gauge, "headwater_offline_lag_seconds", unit: "seconds", "The age of the oldest record not yet in history",
                    .seconds(microseconds: microseconds)))
        }
        return families
    }

    private var jobs: [MetricFamily] {
        var families: [MetricFamily] = []
        for (name, what, counts) in [
            ("flush", "Time to write rows in memory to chunks", figures.flushes),
            ("compaction", "Time to merge chunks", figures.compactions),
        ] {
            guard let counts else { continue }
            families += [
                MetricFamily(
                    .histogram, "headwater_\(name)_duration_seconds", unit: "seconds", what, .histogram(counts.durations)),
                MetricFamily(
                    .counter, "headwater_\(name)_failures", "Attempts that failed, and are made again", .integer(counts.failed)),
            ]
        }
        if let flushed = offline.flushedBytes, let compacted = offline.compactedBytes {
            families += [
                MetricFamily(
                    .counter, "headwater_flush_written_bytes", unit: "bytes", "Bytes of chunks written of new rows",
                    .integer(flushed)),
                MetricFamily(
                    .counter, "headwater_compaction_written_bytes", unit: "bytes", "Bytes of chunks written again by compactions",
                    .integer(compacted)),
            ]
        }
        return families
    }
}
