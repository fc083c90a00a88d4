import Synchronization
import Testing

@testable import Transport

@Suite struct ChangeSignalTests {
    private final class Value: Sendable {
        private let count = Atomic<Int>(0)
        let changed = ChangeSignal()

        var current: Int { count.load(ordering: .sequentiallyConsistent) }

        func add() {
            count.add(1, ordering: .sequentiallyConsistent)
            changed.tell()
        }
    }

    @Test func whatIsTrueAlreadyIsNotWaitedFor() async throws {
        let value = Value()
        try await value.changed.wait { value.current == 0 }
    }

    @Test(.timeLimit(.minutes(1))) func manyWaitersAllHearOfEveryChangeTheyWaitFor() async throws {
        let value = Value()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for wanted in 1...200 { tasks.addTask { try await value.changed.wait { value.current >= wanted } } }
            tasks.addTask { for _ in 0..<200 { value.add() } }
            try await tasks.waitForAll()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aCancelledTaskWaitsNoLonger() async {
        let value = Value()
        let waiting = Task { try await value.changed.wait { false } }
        value.add()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let late = Task {
            while !Task.isCancelled { await Task.yield() }
            try await value.changed.wait { false }
        }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
    }

    @Test func whoEndsListeningHearsNoMore() {
        let value = Value()
        let heard = Atomic<Int>(0)
        let id = value.changed.listen { heard.add(1, ordering: .relaxed) }
        value.add()
        value.changed.end(id)
        value.add()
        #expect(heard.load(ordering: .relaxed) == 1)
    }
}
