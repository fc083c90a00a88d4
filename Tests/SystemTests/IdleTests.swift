import Foundation
import ProcessSupport
import TestSupport
import Testing

extension SystemSuite {
    /// Servers that have nothing to do.
    @Suite(.serialized)
    struct IdleTests {
        private static let watched = 4.0

        /// How often each thread of a process went to sleep so far.
        private func sleeps(of process: Int32) throws -> [String: Int] {
            let tasks = "/proc/\(process)/task"
            var counts: [String: Int] = [:]
            for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                guard let status = try? String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8) else { continue }
                let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
                counts[task] = line.flatMap { Int($0.split(whereSeparator: \.isWhitespace).last ?? "") }
            }
            return counts
        }

        /// How often a second the threads of each process wake up.
        private func wakeups(of processes: [Child]) throws -> [Double] {
            let before = try processes.map { try sleeps(of: $0.pid) }
            Thread.sleep(forTimeInterval: Self.watched)
            let after = try processes.map { try sleeps(of: $0.pid) }
            return zip(before, after).map { before, after in
                Double(after.reduce(0) { $0 + $1.value - (before[$1.key] ?? 0) }) / Self.watched
            }
        }

        /// A follower that has all there is wakes neither itself nor the server that it follows:
        /// what is left is the look at the clock.
        @Test func aServerAndItsFollowerSleepWhileNothingIsWritten() throws {
            let place = try Place()
            let online = try place.start("online")
            let follower = try place.start(
                "offline", data: "other", socket: "o.sock", ["--follow", place.address("s.sock")])
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            Thread.sleep(forTimeInterval: 1.5)
            let perSecond = try wakeups(of: [online, follower])
            print("waking up a second: online \(perSecond[0]), its follower \(perSecond[1])")
            #expect(perSecond[0] < 12 && perSecond[1] < 12)
        }

        @Test func aServerThatItsClientsStartEndsWhenTheLastOfThemIsGone() throws {
            let place = try Place()
            let server = try place.start("serve", ["--stop-when-idle", "700ms"])
            // The watch has begun when the first one comes.
            Thread.sleep(forTimeInterval: 1)
            // Each within the time after the one before.
            for _ in 0..<4 {
                try place.succeed("status")
                Thread.sleep(forTimeInterval: 0.2)
                #expect(server.isRunning)
            }
            let gone = Date()
            #expect(server.wait(seconds: 6) == .exit(0))
            #expect(Date().timeIntervalSince(gone) > 0.3)
            #expect(server.errors.contains("no client is connected any more") && server.errors.contains("stopped"))
        }
    }
}
