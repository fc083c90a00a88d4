import Dispatch
import Foundation
import ProcessSupport
import TestSupport
import Testing

extension SystemSuite {
    /// SIGKILL at any moment costs no acknowledged row and doubles none (P1, P3, P4, P5).
    @Suite(.serialized)
    struct KillTests {
        private static let killCount = 20
        /// Small, so that snapshots and chunks are being written when the kill comes.
        private static let snapshots = ["--snapshot-bytes", "256KiB"]
        private static let flushes = ["--flush-bytes", "256KiB"]

        @Test(arguments: [("serve", 101 as UInt64), ("online", 202), ("offline", 303)])
        func aKillCostsNoAcknowledgedRowAndDoublesNone(_ victim: String, _ seed: UInt64) throws {
            let place = try Place()
            var random = SplitMix64(seed: seed)
            let isApart = victim != "serve"
            let offlineSocket = isApart ? "o.sock" : "s.sock"
            let onlineOptions = ["--durability", "sync"] + Self.snapshots + (isApart ? [] : Self.flushes)
            var online = try place.start(isApart ? "online" : "serve", onlineOptions)
            var offline = isApart ? try place.start("offline", socket: "o.sock", Self.flushes) : nil
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")

            let storm = WriteStorm(place)
            storm.start()
            var kills: [DispatchTime] = []
            var early = 0
            var isReady = true
            while kills.count < Self.killCount {
                Thread.sleep(forTimeInterval: Double(random.int(isReady ? 20...400 : 0...200)) / 1_000)
                kills.append(.now())
                early += isReady ? 0 : 1
                if victim == "offline" {
                    offline!.killNow()
                    offline = try place.launch("offline", socket: "o.sock", Self.flushes)
                } else {
                    online.killNow()
                    online = try place.launch(isApart ? "online" : "serve", onlineOptions)
                }
                // Some kills hit a server that is still starting up.
                isReady = random.chance(0.75)
                if isReady { try place.waitUntilReady(victim == "offline" ? offline! : online) }
            }
            try place.waitUntilReady(online)
            if let offline { try place.waitUntilReady(offline) }
            let before = storm.acknowledged
            #expect(poll(seconds: 30) { storm.acknowledged > before }, "writes go on after the last kill")
            let writes = try #require(storm.finish(), "a writer did not come back")

            let figures = try expectWhole(writes, in: place, offlineSocket: offlineSocket)
            for reason in Set(writes.filter { !$0.isAcknowledged && !$0.wasNeverSent }.map(\.outcome.errors)) {
                print("without an answer: \(reason)", terminator: "")
            }
            let across = writes.count { write in
                write.isAcknowledged && kills.contains { write.started < $0 && $0 < write.ended }
            }
            print(
                "SIGKILL of \(victim), seed \(seed): \(kills.count) kills, \(early) of them before it was ready; \(figures); "
                    + "\(across) acknowledged across a kill")
            #expect(figures.acknowledgedWrites > 0)
        }
    }
}
