import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Transport

@Suite struct WakeRoundTests {
    @Test func aRoundThatIsOverIsNotWaitedFor() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        var late: WakeRound?
        try await confirmation { woken in
            WakeRound.together {
                late = WakeRound.current
                #expect(late?.add({ woken() }, on: loop) == true)
            }
            try await loop.submit {}.get()
        }
        // A task that an answer started carries the round on: it wakes by itself.
        #expect(late?.add({}, on: loop) == false)
    }
}
