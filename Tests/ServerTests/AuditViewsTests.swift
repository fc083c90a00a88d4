import FeatureModel
import OnlineStore
import StorageIO
import Synchronization
import TestDisks
import TestSupport
import Testing

@testable import Server

@Suite struct AuditViewsTests {
    @Test func anAuditTooManyIsRefusedAndNoOtherLosesItsCut() throws {
        let store = try OnlineStore.open(MemoryStorage(), directory: "online", seed: 1, logID: Array(0..<16))
        let views = AuditViews()
        for owner in 0..<UInt64(AuditViews.viewsMax) { try views.keep(store.view(), owner: .audit(owner), now: 0) }
        #expect(refusal { try views.keep(store.view(), owner: .audit(99), now: 0) }?.code == .resourceExhausted)
        // The same owner again takes its own place.
        try views.keep(store.view(), owner: .audit(0), now: 1)
        for owner in 0..<UInt64(AuditViews.viewsMax) { _ = try views.view(at: 0, owner: .audit(owner), now: 2) }
        views.expire(now: 2 + AuditViews.lifetime)
        try views.keep(store.view(), owner: .audit(99), now: 3)
    }

    @Test func whoAsksDuringAQuestionGetsTheAnswerToTheNextOne() async {
        let question = SharedQuestion<Int>()
        let asked = Mutex(0)
        let ask: @Sendable () async -> Int = {
            let number = asked.withLock { asked in
                asked += 1
                return asked
            }
            try? await Task.sleep(for: .milliseconds(200))
            return number
        }
        async let first = question.ask(ask)
        while asked.withLock({ $0 }) == 0 { await Task.yield() }
        let rest = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { await question.ask(ask) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(await first == 1)
        #expect(rest.count == 100 && rest.allSatisfy { $0 >= 2 } && asked.withLock { $0 } <= 3)
    }
}
