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
        var online = StatusReport.Online(
            durability: "sync", lastPosition: 1, durablePosition: 1, appliedPosition: 1, catalogPosition: 1, snapshotPosition: 0,
            memoryBytes: 0, producerSessions: 0, logBytes: 0, logSegments: 1, oldestPosition: 1, logBytesMax: 1, followers: [],
            groups: groups, failure: nil)
        online.residentBytes = 1
        let status = StatusReport(roles: ["online"], version: "1", logID: "", wallTime: 0, online: online, offline: nil)
        let families = GroupMetrics(status, OtherGroups()).families()
        let rows = try #require(families.first { $0.name == "headwater_online_rows" })
        #expect(rows.samples.count == 101)
        #expect(rows.samples[0].labels.map(\.value) == ["p", "group_1999@1"])
        #expect(rows.samples[100].labels.map(\.value) == ["other", "other"])
        #expect(rows.samples.reduce(0) { $0 + $1.integer } == groups.reduce(0) { $0 + $1.rowsAtMost })
        let keys = try #require(families.first { $0.name == "headwater_get_keys" })
        #expect(keys.samples.reduce(0) { $0 + $1.integer } == groups.reduce(0) { $0 + $1.hits + $1.misses + $1.expired })
    }
}

extension MetricFamily.Sample {
    fileprivate var integer: Int { if case .integer(let value) = value { value } else { 0 } }
}
