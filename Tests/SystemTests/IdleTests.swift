import Foundation
import ProcessSupport
import TestSupport
import Testing

extension SystemSuite {
    /// Servers that have nothing to do.
    @Suite(.serialized)
    struct IdleTests {
        private static let watched = 4.0

        /// How often the threads of a process went to sleep so far.
        private func sleeps(of process: Int32) throws -> Int {
            let tasks = "/proc/\(process)/task"
            return try FileManager.default.contentsOfDirectory(atPath: tasks).reduce(0) { count, task in
                guard let status = try? String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8) else { return count }
                let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
                return count + (line.flatMap { Int($0.split(whereSeparator: \.isWhitespace).last ?? "") } ?? 0)
            }
        }

        /// A follower that has all there is wakes neither itself nor the server that it follows: what is left is the look at the clock.
        @Test func aServerAndItsFollowerSleepWhileNothingIsWritten() throws {
            let place = try Place()
            let online = try place.start("online")
            let follower = try place.start(
                "offline", data: "other", socket: "o.sock", ["--follow", place.address("s.sock")])
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            Thread.sleep(forTimeInterval: 1.5)
            let before = (try sleeps(of: online.pid), try sleeps(of: follower.pid))
            Thread.sleep(forTimeInterval: Self.watched)
            let after = (try sleeps(of: online.pid), try sleeps(of: follower.pid))
            let perSecond = (Double(after.0 - before.0) / Self.watched, Double(after.1 - before.1) / Self.watched)
            print("waking up each second: online \(perSecond.0), its follower \(perSecond.1)")
            #expect(perSecond.0 < 12 && perSecond.1 < 12)
        }

        @Test func aServerThatItsClientsStartEndsWhenTheLastOfThemIsGone() throws {
            let place = try Place()
            let server = try place.start("serve", ["--stop-when-idle", "700ms"])
            // Each within the time after the one before.
            for _ in 0..<4 {
                try place.succeed("status")
                Thread.sleep(forTimeInterval: 0.2)
                #expect(server.isRunning)
            }
            let gone = Date()
            #expect(server.wait(seconds: 20) == .exit(0))
            #expect(Date().timeIntervalSince(gone) > 0.3)
            #expect(server.errors.contains("no client is connected any more") && server.errors.contains("stopped"))
        }
    }
}
