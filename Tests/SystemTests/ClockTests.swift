import FeatureModel
import Foundation
import Log
import ProcessSupport
import StorageIO
import Testing
import Transport

extension SystemSuite {
    /// A wall clock that jumped: it is said, nothing follows it, and somebody can accept it.
    @Suite(.serialized)
    struct ClockTests {
        private static let year: Microseconds = 365 * 86_400_000_000

        private func online(_ place: Place) throws -> [String: Any] {
            try #require(try place.succeed("status", "--json").json()["online"] as? [String: Any])
        }

        /// Stops a server and leaves beside its log what it would have left if the wall clock had jumped ahead by `ahead` since.
        private func jump(_ place: Place, _ server: Child, by ahead: Microseconds) throws {
            server.send(SIGTERM)
            #expect(server.wait(seconds: 30) == .exit(0))
            let log = FileLog(in: place.path("store"), RealStorage())
            let bytes = try RealStorage().readAll(log.place + "/clock")
            let logID = LogID(bytes[16..<32])
            let now = SystemClock()
            let boot = try #require(now.bootTime())
            #expect(try log.clockMark(of: logID)?.boot.boot == boot.boot)
            try log.keep(ClockMark(wall: now.now() - ahead, boot: boot), of: logID)
        }

        @Test func aWallClockThatJumpedIsToldAndFollowedOnlyWhenItIsAccepted() throws {
            let place = try Place()
            let first = try place.start("serve")
            #expect(try online(place)["clock_ahead"] == nil)
            try jump(place, first, by: 10 * Self.year)
            let second = try place.start("serve")
            let ahead = try #require(try online(place)["clock_ahead"] as? Int)
            #expect(abs(Microseconds(ahead) - 10 * Self.year) < 60_000_000)
            #expect(try place.succeed("status").output.contains("headwater clock accept"))
            #expect(poll(seconds: 10) { second.errors.contains("the wall clock jumped and is not followed") })
            let accepted = try place.succeed("clock", "accept").output
            #expect(accepted.contains("3650d") || accepted.contains("ahead"))
            #expect(try online(place)["clock_ahead"] == nil)
            // What was accepted stands beside the log.
            second.send(SIGTERM)
            #expect(second.wait(seconds: 30) == .exit(0))
            try place.start("serve")
            #expect(try online(place)["clock_ahead"] == nil)
        }
    }
}
