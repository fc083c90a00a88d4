import Synchronization
import Wire

/// The metrics of feature groups: of the busiest ones by themselves, of the others together, so that a scrape stays small.
///
/// Which groups are the busiest changes. A get is counted in one series, and stays there: that of its group, where the group had
/// one when the get was first seen, else that of the others.
struct GroupMetrics {
    /// Groups with series of their own.
    static let groupsMax = 100
    /// The label of the others, as project and as group.
    private static let rest = "other"

    fileprivate struct Key: Hashable {
        let project: String
        let group: String
    }

    /// Keys that gets asked for.
    fileprivate struct Outcomes: Hashable, Sendable {
        var hits = 0
        var misses = 0
        var expired = 0

        var count: Int { hits + misses + expired }

        func merging(_ other: Self, _ combine: (Int, Int) -> Int) -> Self {
            Self(
                hits: combine(hits, other.hits), misses: combine(misses, other.misses), expired: combine(expired, other.expired))
        }
    }

    fileprivate struct Counts: Sendable {
        var outcomes = Outcomes()
        var onlineRows = 0
        var onlineBytes = 0
        var offlineRows = 0
        var chunkBytes = 0
        var memoryRows = 0

        static func += (left: inout Self, right: Self) {
            left.outcomes = left.outcomes.merging(right.outcomes, +)
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

    /// - Parameter others: remembers what was counted of which group, and where.
    init(_ status: StatusReport, _ others: OtherGroups) {
        (hasOnline, hasOffline) = (status.online != nil, status.offline != nil)
        var all: [Key: Counts] = [:]
        for group in status.online?.groups ?? [] {
            let more = Counts(
                outcomes: Outcomes(hits: group.hits, misses: group.misses, expired: group.expired), onlineRows: group.rowsAtMost,
                onlineBytes: group.bytes)
            all[Key(project: group.project, group: group.group), default: Counts()] += more
        }
        for group in status.offline?.groups ?? [] {
            let more = Counts(offlineRows: group.rows, chunkBytes: group.chunkBytes, memoryRows: group.memoryRows)
            all[Key(project: group.project, group: group.group), default: Counts()] += more
        }
        counts = all.sorted { left, right in
            let (a, b) = (left.value, right.value)
            return (b.outcomes.count, b.onlineRows + b.offlineRows, left.key.project, left.key.group)
                < (a.outcomes.count, a.onlineRows + a.offlineRows, right.key.project, right.key.group)
        }.map { ($0.key, $0.value) }
        let (named, gets) = others.count(counts.map { ($0.key, $0.value.outcomes) }, named: Self.groupsMax)
        for (index, outcomes) in named.enumerated() { counts[index].value.outcomes = outcomes }
        if counts.count > Self.groupsMax || gets != Outcomes() {
            var rest = Counts()
            for one in counts.dropFirst(Self.groupsMax) { rest += one.value }
            rest.outcomes = gets
            counts = counts.prefix(Self.groupsMax) + [(Key(project: Self.rest, group: Self.rest), rest)]
        }
    }

    func families() -> [MetricFamily] {
        var families: [MetricFamily] = []
        if hasOnline {
            families += [
                MetricFamily(
                    .counter, "headwater_get_keys", "Keys that gets asked for, by outcome",
                    counts.flatMap { key, counts in
                        let outcomes = counts.outcomes
                        return [("hit", outcomes.hits), ("miss", outcomes.misses), ("expired", outcomes.expired)].map {
                            outcome, count in
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

/// What gets asked of groups, and what of it is counted in the series of the others. None of its sums ever falls: scrapes that
/// run beside each other may bring what they saw in any order.
final class OtherGroups: Sendable {
    private struct Group {
        /// The most that was seen.
        var seen = GroupMetrics.Outcomes()
        /// What of it is counted in the series of the others.
        var amongOthers = GroupMetrics.Outcomes()
    }

    private struct State {
        var groups: [GroupMetrics.Key: Group] = [:]
        var others = GroupMetrics.Outcomes()
    }

    private let state = Mutex(State())

    /// Takes what a scrape saw.
    ///
    /// - Parameters:
    ///   - groups: all that there are, the busiest first.
    ///   - count: of the groups that have series of their own.
    /// - Returns: what the series of each of these shows, and that of the others.
    fileprivate func count(
        _ groups: [(GroupMetrics.Key, GroupMetrics.Outcomes)], named count: Int
    ) -> (named: [GroupMetrics.Outcomes], others: GroupMetrics.Outcomes) {
        state.withLock { state in
            var named: [GroupMetrics.Outcomes] = []
            named.reserveCapacity(min(count, groups.count))
            for (index, (key, now)) in groups.enumerated() {
                var group = state.groups[key] ?? Group()
                let seen = group.seen.merging(now, max)
                if index >= count {
                    let more = seen.merging(group.seen, -)
                    group.amongOthers = group.amongOthers.merging(more, +)
                    state.others = state.others.merging(more, +)
                }
                group.seen = seen
                state.groups[key] = group
                if index < count { named.append(seen.merging(group.amongOthers, -)) }
            }
            // Removed groups are forgotten, once they are many: the sum of the others keeps what it has of them.
            if state.groups.count > 2 * groups.count + 1_000 {
                let there = Set(groups.map(\.0))
                state.groups = state.groups.filter { there.contains($0.key) }
            }
            return (named, state.others)
        }
    }
}
