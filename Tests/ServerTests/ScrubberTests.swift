import FeatureModel
import StorageIO
import Testing
import Wire

@testable import Server

@Suite struct ScrubberTests {
    @Test func aScrubReadsAllComparesAllAndNamesDamageInASealedSegment() async throws {
        let server = try await WideServer()
        let scrubber = Scrubber(services: server.services)
        await scrubber.scrub()
        let clean = server.services.scrubs.report
        #expect(clean.damageCount == 0 && clean.differenceCount == 0 && clean.notAudited == nil && !clean.isRunning)
        #expect(clean.rows >= 2 * WideServer.rowCount && clean.bytes > WideServer.rowCount * 1_024)
        #expect(clean.auditedPosition ?? 0 > 1 && clean.finishedAt ?? 0 >= clean.startedAt ?? .max)

        // The one record of all rows did not fit into the first segment: that one is sealed.
        let storage = server.services.storage
        let path = "data/log/segment-0000000000000001.log"
        let segments = try storage.list("data/log").filter { $0.hasPrefix("segment-") }
        #expect(segments.count > 1)
        let file = try storage.open(path, .readWrite)
        try file.write([try file.read(at: 250, count: 1)[0] ^ 1], at: 250)
        await scrubber.scrub()
        let found = server.services.scrubs.report
        #expect(found.damageCount == 1 && found.findings.first?.part == "log")
        #expect(found.findings.first?.location?.hasPrefix(path + ":") == true)
        #expect(found.previousFinishedAt == clean.finishedAt)

        // The next process knows when the last scrub was, and what it found.
        let next = ScrubRecord(
            server.services.configuration, storage, server.services.clock, server.services.logger
        ).report
        #expect(next.findings == found.findings && next.finishedAt == found.finishedAt)
        let interval = Microseconds(86_400_000_000)
        #expect(next.nextDue == found.finishedAt.map { $0 + interval })
        let ending = Task { await scrubber.run() }
        ending.cancel()
        await ending.value
        await server.close()
    }

    @Test func aScrubReadsNoFasterThanItMay() {
        let pace = ScrubPace { 1_000_000 }
        let started = ContinuousClock.now
        for _ in 0..<10 { pace.wait(for: 30_000) { false } }
        #expect(ContinuousClock.now - started >= .milliseconds(290))
        pace.wait(for: 1 << 40) { true }
        #expect(ContinuousClock.now - started < .seconds(30))
        // A rate that grows ends the wait for what was read under the old one.
        var looks = 0
        let growing = ScrubPace {
            looks += 1
            return looks < 3 ? 1 : 1 << 40
        }
        growing.wait(for: 1 << 30) { false }
        #expect(looks > 2 && ContinuousClock.now - started < .seconds(30))
    }
}
