import FeatureModel
import Testing
import Transport
import Wire

@testable import Web

@Suite struct ExpositionTests {
    private let families = [
        MetricFamily(
            .counter, "store_requests", "Requests, by \"kind\"\nand more",
            [
                .init(labels: [("kind", "a\"b\\c\nd")], value: .integer(3)),
                .init(labels: [("kind", "é")], value: .number(2.5e-5)),
            ]),
        MetricFamily(.gauge, "store_size_bytes", unit: "bytes", "Size", .integer(1 << 40)),
        MetricFamily(.gauge, "store_empty", "Nothing", []),
    ]

    @Test func writesPrometheusText() {
        let text = String(decoding: ExpositionFormat.prometheus.encode(families), as: UTF8.self)
        #expect(
            text == """
                # HELP store_requests_total Requests, by "kind"\\nand more
                # TYPE store_requests_total counter
                store_requests_total{kind="a\\"b\\\\c\\nd"} 3
                store_requests_total{kind="é"} 2.5e-05
                # HELP store_size_bytes Size
                # TYPE store_size_bytes gauge
                store_size_bytes 1099511627776

                """)
    }

    @Test func writesOpenMetrics() {
        let text = String(decoding: ExpositionFormat.openMetrics.encode(families), as: UTF8.self)
        #expect(
            text == """
                # HELP store_requests Requests, by "kind"\\nand more
                # TYPE store_requests counter
                store_requests_total{kind="a\\"b\\\\c\\nd"} 3
                store_requests_total{kind="é"} 2.5e-05
                # HELP store_size_bytes Size
                # TYPE store_size_bytes gauge
                # UNIT store_size_bytes bytes
                store_size_bytes 1099511627776
                # EOF

                """)
    }

    @Test func bucketsAddUp() {
        let histogram = DurationHistogram()
        for nanoseconds in [1, 25_000, 25_001, 70_000_000_000] as [Int64] { histogram.add(nanoseconds: nanoseconds) }
        histogram.add(nanoseconds: 2_000_000, count: 5)
        let family = MetricFamily(.histogram, "store_duration_seconds", unit: "seconds", "Time", .histogram(histogram.counts))
        let lines = String(decoding: ExpositionFormat.prometheus.encode([family]), as: UTF8.self).split(separator: "\n")
        #expect(lines.contains("store_duration_seconds_bucket{le=\"2.5e-05\"} 2"))
        #expect(lines.contains("store_duration_seconds_bucket{le=\"5e-05\"} 3"))
        #expect(lines.contains("store_duration_seconds_bucket{le=\"0.001\"} 3"))
        #expect(lines.contains("store_duration_seconds_bucket{le=\"0.0025\"} 8"))
        #expect(lines.contains("store_duration_seconds_bucket{le=\"60\"} 8"))
        #expect(lines.contains("store_duration_seconds_bucket{le=\"+Inf\"} 9"))
        #expect(lines.contains("store_duration_seconds_count 9"))
        #expect(lines.contains("store_duration_seconds_sum 70.010050002"))
    }

    @Test(arguments: [
        ([], false), (["text/plain"], false), (["*/*"], false),
        (["application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"], true),
        (["application/openmetrics-text; version=1.0.0; q=0.2", "text/plain; q=0.9"], false),
        (["application/openmetrics-text;q=0"], false),
    ])
    func choosesTheFormat(accept: [String], isOpenMetrics: Bool) {
        let isOpen = if case .openMetrics = ExpositionFormat(accept: accept) { true } else { false }
        #expect(isOpen == isOpenMetrics)
    }

    @Test func namesMethodsWithUnderscores() {
        #expect(Wire.Method.getPrepared.plainName == "get")
        #expect(Wire.Method.openProducer.plainName == "open_producer")
        #expect(Set(Wire.Method.allCases.map(\.plainName)).count == Wire.Method.allCases.count)
    }

    /// 2,000 groups: the 100 busiest by themselves, the rest added up, so that no row and no get is lost in the sum.
    @Test func sumsUpGroupsThatAreNotBusy() throws {
        let groups = (0..<2_000).map { index in
            var group = StatusReport.OnlineGroup(project: "p", group: "group_\(index)@1", rowsAtMost: index, bytes: 8 * index)
            (group.hits, group.misses, group.expired) = (index * 3, index, 1)
            return group
        }
        let families = GroupMetrics(Self.status(groups), OtherGroups()).families()
        let rows = try #require(families.first { $0.name == "headwater_online_rows" })
        #expect(rows.samples.count == 101)
        #expect(rows.samples[0].labels.map(\.value) == ["p", "group_1999@1"])
        #expect(rows.samples[100].labels.map(\.value) == ["other", "other"])
        #expect(rows.samples.reduce(0) { $0 + $1.integer } == groups.reduce(0) { $0 + $1.rowsAtMost })
        let keys = try #require(families.first { $0.name == "headwater_get_keys" })
        #expect(keys.samples.reduce(0) { $0 + $1.integer } == groups.reduce(0) { $0 + $1.hits + $1.misses + $1.expired })
    }

    private static func status(_ groups: [StatusReport.OnlineGroup]) -> StatusReport {
        var online = StatusReport.Online(
            durability: "sync", lastPosition: 1, durablePosition: 1, appliedPosition: 1, catalogPosition: 1, snapshotPosition: 0,
            memoryBytes: 0, producerSessions: 0, logBytes: 0, logSegments: 1, oldestPosition: 1, logBytesMax: 1, followers: [],
            groups: groups, failure: nil)
        online.residentBytes = 1
        return StatusReport(roles: ["online"], version: "1", logID: "", wallTime: 0, online: online, offline: nil)
    }

    /// Values of `headwater_get_keys` by labels, of a server whose groups were hit so often.
    private static func gets(_ hits: [Int], _ others: OtherGroups) -> [String: Int] {
        let groups = hits.enumerated().map { index, hits in
            var group = StatusReport.OnlineGroup(project: "p", group: "group_\(index)@1", rowsAtMost: 0, bytes: 0)
            group.hits = hits
            return group
        }
        let family = GroupMetrics(status(groups), others).families().first { $0.name == "headwater_get_keys" }
        let pairs = (family?.samples ?? []).map { ($0.labels.map(\.value).joined(separator: "/"), $0.integer) }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// The busiest change all the time, and each get is in one series still.
    @Test func noSeriesFallsWhereTheBusiestGroupsChange() {
        let others = OtherGroups()
        var hits = Array(repeating: 1, count: 250)
        var last: [String: Int] = [:]
        for round in 0..<40 {
            for index in hits.indices where (index + round * 37) % 250 < 60 { hits[index] += 10 + round * (index % 7) }
            let found = Self.gets(hits, others)
            for (labels, count) in found { #expect(count >= last[labels, default: 0], "\(labels) in round \(round)") }
            last.merge(found) { _, new in new }
            // What those show that have no series now was counted there.
            #expect(last.values.reduce(0, +) == hits.reduce(0, +))
        }
    }

    /// A scrape that saw less may come to count after one that saw more.
    @Test func noSeriesFallsForScrapesBesideEachOther() async {
        let others = OtherGroups()
        await withTaskGroup(of: Void.self) { group in
            for scraper in 0..<4 {
                group.addTask {
                    var last: [String: Int] = [:]
                    for round in 0..<25 {
                        let hits = (0..<150).map { ($0 * 31 + scraper * 50) % 150 + round * (1 + ($0 + round + scraper) % 3) }
                        let found = Self.gets(hits, others)
                        for (labels, count) in found { #expect(count >= last[labels, default: 0]) }
                        last.merge(found) { _, new in new }
                    }
                }
            }
        }
        let (less, more) = (
            Self.gets(Array(repeating: 5_000, count: 150), others), Self.gets(Array(repeating: 4_000, count: 150), others)
        )
        #expect(more["other/other/hit"] == less["other/other/hit"])
    }
}

extension MetricFamily.Sample {
    fileprivate var integer: Int { if case .integer(let value) = value { value } else { 0 } }
}
