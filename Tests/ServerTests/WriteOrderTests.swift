import Foundation
import Synchronization
import Testing

@testable import Server

/// Large writes are checked on several threads; those of one connection
/// are submitted in the order in which they came all the same.
@Suite struct WriteOrderTests {
    private let order = WriteOrder()
    private let seen = SeenNumbers()

    @Test func aWriteThatIsReadyFirstWaitsForThoseBeforeIt() {
        let places = (0..<3).map { _ in order.ticket(connectionID: 1, isNeeded: true)! }
        places[2].use { [seen] in seen.append(2) }
        places[1].use { [seen] in seen.append(1) }
        #expect(seen.numbers.isEmpty)
        places[0].use { [seen] in seen.append(0) }
        #expect(seen.numbers == [0, 1, 2])
    }

    @Test func aSmallWriteNeedsAPlaceOnlyBehindOthers() {
        #expect(order.ticket(connectionID: 1, isNeeded: false) == nil)
        let large = order.ticket(connectionID: 1, isNeeded: true)!
        let small = order.ticket(connectionID: 1, isNeeded: false)
        small?.use { [seen] in seen.append(1) }
        large.use { [seen] in seen.append(0) }
        #expect(seen.numbers == [0, 1])
        #expect(order.ticket(connectionID: 1, isNeeded: false) == nil, "nothing waits any more")
    }

    @Test func connectionsDoNotWaitForEachOther() {
        let first = order.ticket(connectionID: 1, isNeeded: true)!
        order.ticket(connectionID: 2, isNeeded: true)!.use { [seen] in seen.append(2) }
        #expect(seen.numbers == [2])
        first.use {}
    }

    @Test func thoseBehindAWriteThatWasRefusedMoveUp() {
        var refused: WriteOrder.Ticket? = order.ticket(connectionID: 1, isNeeded: true)
        let next = order.ticket(connectionID: 1, isNeeded: true)!
        next.use { [seen] in seen.append(1) }
        #expect(seen.numbers.isEmpty && refused != nil)
        refused = nil
        #expect(seen.numbers == [1])
    }

    @Test func ofManyThreadsTheOrderHolds() async {
        let places = (0..<2_000).map { _ in order.ticket(connectionID: 7, isNeeded: true)! }
        await withTaskGroup(of: Void.self) { group in
            for part in 0..<4 {
                group.addTask { [seen] in
                    for number in stride(from: part, to: places.count, by: 4).shuffled() {
                        places[number].use { seen.append(number) }
                    }
                }
            }
        }
        #expect(seen.numbers == Array(places.indices))
    }
}

private final class SeenNumbers: Sendable {
    private let box = Mutex<[Int]>([])
    var numbers: [Int] { box.withLock { $0 } }
    func append(_ number: Int) { box.withLock { $0.append(number) } }
}
