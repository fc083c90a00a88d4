import Synchronization
import Wire

/// The metrics of feature groups: of the busiest ones by themselves, of the others together, so that a scrape stays small.
struct GroupMetrics {
    /// Groups with series of their own.
    static let groupsMax = 100
    /// The label of the others, as project and as group.
    private static let rest = "other"

    fileprivate struct Key: Hashable {
        let project: String
        let group: String
    }

    fileprivate struct Counts {
        var hits = 0
        var misses = 0
        var expired = 0
        var onlineRows = 0
        var onlineBytes = 0
        var offlineRows = 0
        var chunkBytes = 0
        var memoryRows = 0

        /// Keys that gets asked for.
        var gets: Int { hits + misses + expired }

        static func += (left: inout Self, right: Self) {
            left.hits += right.hits
            left.misses += right.misses
            left.expired += right.expired
            left.onlineRows += right.onlineRows
            left.onlineBytes += right.onlineBytes
            left.offlineRows += right.offlineRows
            left.chunkBytes += right.chunkBytes
            left.memoryRows += right.memoryRows
        }
    }

    private let hasOnline: Bool
    private let hasOffline: Bool
    private var counts: [(key: Key, value: Counts)]

    /// - Parameter others: remembers what was counted of groups without series of their own.
    init(_ status: StatusReport, _ others: OtherGroups) {
        (hasOnline, hasOffline) = (status.online != nil, status.offline != nil)
        var all: [Key: Counts] = [:]
        for group in status.online?.groups ?? [] {
            let more = Counts(
                hits: group.hits, misses: group.misses, expired: group.expired, onlineRows: group.rowsAtMost,
                onlineBytes: group.bytes)
            all[Key(project: group.project, group: group.group), default: Counts()] += more
        }
        for group in status.offline?.groups ?? [] {
            let more = Counts(offlineRows: group.rows, chunkBytes: group.chunkBytes, memoryRows: group.memoryRows)
            all[Key(project: group.project, group: group.group), default: Counts()] += more
        }
        counts = all.sorted { left, right in
            let (a, b) = (left.value, right.value)
            return (b.gets, b.onlineRows + b.offlineRows, left.key.project, left.key.group)
                < (a.gets, a.onlineRows + a.offlineRows, right.key.project, right.key.group)
        }.map { ($0.key, $0.value) }
        if counts.count > Self.groupsMax {
            var rest = Counts()
            for one in counts[Self.groupsMax...] { rest += one.value }
            let gets = others.count(counts.map { ($0.key, $0.value) }, named: Self.groupsMax)
            (rest.hits, rest.misses, rest.expired) = (gets.hits, gets.misses, gets.expired)
            counts = counts[..<Self.groupsMax] + [(Key(project: Self.rest, group: Self.rest), rest)]
        }
    }

    func families() -> [MetricFamily] {
        var families: [MetricFamily] = []
        if hasOnline {
            families += [
                MetricFamily(
                    .counter, "headwater_get_keys", "Keys that gets asked for, by outcome",
                    counts.flatMap { key, counts in
                        [("hit", counts.hits), ("miss", counts.misses), ("expired", counts.expired)].map { outcome, count in
                            MetricFamily.Sample(labels: labels(key) + [("outcome", outcome)], value: .integer(count))
                        }
                    }),
                family("headwater_online_rows", "Rows online, at most: one in memory and in the snapshot counts twice") {
                    $0.onlineRows
                },
                family("headwater_online_group_bytes", unit: "bytes", "What the rows of a group take online") { $0.onlineBytes },
            ]
        }
        if hasOffline {
            families += [
                family("headwater_offline_rows", "Rows of history") { $0.offlineRows },
                family("headwater_offline_memory_rows", "Rows of history that are in no chunk yet") { $0.memoryRows },
                family("headwater_offline_chunk_bytes", unit: "bytes", "What a group's chunks take on the disk") {
                    $0.chunkBytes
                },
            ]
        }
        return families
    }

    private func family(_ name: String, unit: String? = nil, _ help: String, _ value: (Counts) -> Int) -> MetricFamily {
        MetricFamily(
            .gauge, name, unit: unit, help,
            counts.map { MetricFamily.Sample(labels: labels($0.key), value: .integer(value($0.value))) })
    }

    private func labels(_ key: Key) -> [(name: String, value: String)] { [("project", key.project), ("group", key.group)] }
}

/// What gets asked of groups while these had no series of their own: a counter may not fall when one of them gets its own.
final class OtherGroups: Sendable {
    private struct State {
        var last: [GroupMetrics.Key: GroupMetrics.Counts] = [:]
        var total = GroupMetrics.Counts()
    }

    private let state = Mutex(State())

    /// Adds what has been counted since the last call of groups behind the first `named`.
    ///
    /// - Returns: what has been added up so far.
    fileprivate func count(_ groups: [(GroupMetrics.Key, GroupMetrics.Counts)], named: Int) -> GroupMetrics.Counts {
        state.withLock { state in
            for (index, (key, now)) in groups.enumerated() {
                let last = state.last[key] ?? GroupMetrics.Counts()
                state.last[key] = now
                guard index >= named else { continue }
                state.total.hits += now.hits - last.hits
                state.total.misses += now.misses - last.misses
                state.total.expired += now.expired - last.expired
            }
            return state.total
        }
    }
}
