import FeatureModel
import Testing

@testable import Server

/// Whom the log waits for.
@Suite struct FollowerRegistryTests {
    private static let hour = Limits.followerPatienceMicroseconds

    @Test func aFollowerThatNeitherFollowsNorFetchesForAnHourIsAbsent() {
        let followers = FollowerRegistry()
        let now = Monotonic.now()
        followers.heard("once", now: 1)
        #expect(!followers.isAbsent("once", now: now + Self.hour / 2))
        #expect(followers.isAbsent("once", now: now + 2 * Self.hour))
        let session = followers.begin("connected", addresses: [], now: 1)
        #expect(!followers.isAbsent("connected", now: now + 9 * Self.hour))
        followers.end("connected", session)
        #expect(followers.isAbsent("connected", now: now + 9 * Self.hour))
        #expect(!followers.isAbsent("connected", now: now + Self.hour / 2))
    }

    @Test func oneThatWasNeverHeardOfHasAsLongFromTheStart() {
        #expect(!FollowerRegistry().isAbsent("unknown", now: Self.hour / 2))
        #expect(FollowerRegistry().isAbsent("unknown", now: Self.hour + 1))
    }

    @Test func manyNamesTakeNoMoreRoomThanSome() {
        let followers = FollowerRegistry()
        let session = followers.begin("connected", addresses: [], now: 1)
        for number in 0..<10_000 { followers.heard("name \(number)", now: 1) }
        #expect((0..<10_000).count { followers["name \($0)"] != nil } < 256)
        #expect(followers["name 9999"] != nil && followers["connected"]?.isConnected == true)
        followers.end("connected", session)
    }
}
