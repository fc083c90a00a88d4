import Synchronization
import Testing

@testable import Transport

/// One budget for input and output of all connections.
@Suite struct NetworkBudgetTests {
    private static let mebibyte = 1 << 20

    @Test func aFrameBeyondTheBudgetWaitsAndTheSmallestThatWaitsComesFirst() {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        let granted = Mutex<[UInt64]>([])
        func take(_ mebibytes: Int, _ id: UInt64) -> Bool {
            budget.takeFrame(mebibytes * Self.mebibyte, connectionID: id) { granted.withLock { $0.append(id) } }
        }
        #expect(take(60, 1))
        #expect(!take(64, 2))
        #expect(!take(45, 3))
        #expect(!take(41, 4))
        #expect(budget.isPressed)
        budget.frameIsWhole(60 * Self.mebibyte)
        #expect(granted.withLock { $0 } == [4, 3])
        budget.frameIsWhole(41 * Self.mebibyte)
        #expect(granted.withLock { $0 } == [4, 3])
        budget.frameIsWhole(45 * Self.mebibyte)
        #expect(granted.withLock { $0 } == [4, 3, 2])
        budget.frameIsWhole(64 * Self.mebibyte)
        #expect(budget.usedBytes == 0 && !budget.isPressed)
    }

    @Test func aloneAFrameFindsRoomWhateverItsSize() {
        let budget = NetworkBudget(bytesMax: 16 * Self.mebibyte)
        #expect(budget.takeFrame(64 * Self.mebibyte, connectionID: 1) {})
        #expect(!budget.takeFrame(Self.mebibyte, connectionID: 2) {})
        budget.giveUp(connectionID: 2)
        budget.frameIsWhole(64 * Self.mebibyte)
        #expect(budget.usedBytes == 0)
    }

    @Test func thePartOfEachShrinksAsThereIsLess() {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        #expect(budget.outputPart == 50 * Self.mebibyte)
        budget.add(60 * Self.mebibyte)
        #expect(budget.outputPart == 20 * Self.mebibyte)
        budget.add(60 * Self.mebibyte)
        #expect(budget.outputPart == NetworkBudget.partLeast && budget.isExceeded && budget.isPressed)
        budget.add(-120 * Self.mebibyte)
        #expect(budget.takePeak(above: 32 * Self.mebibyte))
        #expect(!budget.takePeak(above: 32 * Self.mebibyte))
    }
}
