import SocketSupport
import Synchronization
import Testing
import Wire

@testable import Transport

/// One budget for input and output of all connections.
@Suite struct NetworkBudgetTests {
    private static let mebibyte = 1 << 20

    @Test func whatIsBeyondTheBudgetWaitsAndTheSmallestThatWaitsComesFirst() {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        let granted = Mutex<[Int]>([])
        func take(_ mebibytes: Int) -> Bool {
            budget.takeRoom(mebibytes * Self.mebibyte, for: .frame) { granted.withLock { $0.append(mebibytes) } } == nil
        }
        #expect(take(60))
        #expect(!take(64))
        #expect(!take(45))
        #expect(!take(41))
        #expect(budget.isPressed)
        budget.giveRoom(60 * Self.mebibyte, for: .frame)
        #expect(granted.withLock { $0 } == [41, 45])
        budget.giveRoom(41 * Self.mebibyte, for: .frame)
        #expect(granted.withLock { $0 } == [41, 45])
        budget.giveRoom(45 * Self.mebibyte, for: .frame)
        #expect(granted.withLock { $0 } == [41, 45, 64])
        budget.giveRoom(64 * Self.mebibyte, for: .frame)
        #expect(budget.usedBytes == 0 && !budget.isPressed)
    }

    @Test func aQuarterIsForFramesWhileTheyComeOrWait() throws {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        let granted = Mutex<[String]>([])
        func take(_ mebibytes: Int, _ purpose: NetworkBudget.Purpose) -> Bool {
            let name = "\(purpose) \(mebibytes)"
            return budget.takeRoom(mebibytes * Self.mebibyte, for: purpose) { granted.withLock { $0.append(name) } } == nil
        }
        // Alone, answers may have all.
        #expect(take(50, .answer) && take(45, .answer))
        #expect(!take(63, .frame) && !take(16, .frame))
        // What becomes free is not taken by the next answer, though it is smaller and there are many.
        for _ in 0..<100 { #expect(!take(12, .answer)) }
        budget.giveRoom(45 * Self.mebibyte, for: .answer)
        // Up to three quarters go to answers.
        #expect(granted.withLock { $0 } == ["frame 16", "answer 12", "answer 12"])
        // The large frame waits for more.
        budget.giveRoom(16 * Self.mebibyte, for: .frame)
        #expect(granted.withLock { $0.count } == 3)
        for _ in 0..<2 { budget.giveRoom(12 * Self.mebibyte, for: .answer) }
        #expect(granted.withLock { $0.count } == 5, "it passes on to answers")
        budget.giveRoom(50 * Self.mebibyte, for: .answer)
        #expect(granted.withLock { $0[5] } == "frame 63")
    }

    @Test func aSmallAnswerFindsWhatFramesLeave() {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        for _ in 0..<4 { #expect(budget.takeRoom(24 * Self.mebibyte, for: .frame) {} == nil) }
        #expect(budget.takeRoom(24 * Self.mebibyte, for: .frame) {} != nil)
        #expect(budget.takeRoom(Self.mebibyte, for: .answer) {} == nil)
        #expect(budget.takeRoom(4 * Self.mebibyte, for: .answer) {} != nil)
    }

    @Test(arguments: [NetworkBudget.Purpose.frame, .answer])
    func neitherLineHoldsTheOtherUpForEver(_ purpose: NetworkBudget.Purpose) {
        let other: NetworkBudget.Purpose = purpose == .frame ? .answer : .frame
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        let large = Mutex(false)
        let small = Mutex(0)
        func takeSmall() {
            let wait = budget.takeRoom(12 * Self.mebibyte, for: other) { small.withLock { $0 += 1 } }
            if wait == nil { small.withLock { $0 += 1 } }
        }
        for _ in 0..<6 { takeSmall() }
        #expect(budget.takeRoom(64 * Self.mebibyte, for: purpose) { large.withLock { $0 = true } } != nil)
        // Each that is done is followed by the next.
        var done = 0
        while done < 300, !large.withLock({ $0 }) {
            takeSmall()
            guard small.withLock({ $0 }) > done else { break }
            done += 1
            budget.giveRoom(12 * Self.mebibyte, for: other)
        }
        #expect(large.withLock { $0 } && done > 10)
    }

    @Test func whoManyHavePassedByComesNext() {
        let budget = NetworkBudget(bytesMax: 10 * Self.mebibyte)
        let large = Mutex(false)
        #expect(budget.takeRoom(8 * Self.mebibyte, for: .frame) {} == nil)
        #expect(budget.takeRoom(9 * Self.mebibyte, for: .frame) { large.withLock { $0 = true } } != nil)
        // Smaller ones come without end.
        var count = 0
        while count < 200, !large.withLock({ $0 }) {
            count += 1
            #expect(budget.takeRoom(8 * Self.mebibyte, for: .frame) {} != nil)
            budget.giveRoom(8 * Self.mebibyte, for: .frame)
        }
        #expect(large.withLock { $0 } && count > 10)
    }

    @Test func aloneAFrameFindsRoomWhateverItsSize() throws {
        let budget = NetworkBudget(bytesMax: 16 * Self.mebibyte)
        #expect(budget.takeRoom(64 * Self.mebibyte, for: .frame) {} == nil)
        let wait = try #require(budget.takeRoom(Self.mebibyte, for: .frame) {})
        #expect(budget.giveUp(wait))
        budget.giveRoom(64 * Self.mebibyte, for: .frame)
        #expect(budget.usedBytes == 0)
    }

    @Test func whatWaitsForRoomMayComeBackToTheBudgetAsItIsLetGo() throws {
        let budget = NetworkBudget(bytesMax: 16 * Self.mebibyte)
        #expect(budget.takeRoom(16 * Self.mebibyte, for: .frame) {} == nil)
        let wait: NetworkBudget.RoomWait
        do {
            let last = AtItsEnd { budget.add(Self.mebibyte) }
            wait = try #require(budget.takeRoom(Self.mebibyte, for: .frame) { withExtendedLifetime(last) {} })
        }
        #expect(budget.giveUp(wait))
        #expect(budget.usedBytes == 17 * Self.mebibyte)
    }

    @Test func roomThatWasGrantedAsItsConnectionClosedIsGivenBack() throws {
        let budget = NetworkBudget(bytesMax: 16 * Self.mebibyte)
        #expect(budget.takeRoom(12 * Self.mebibyte, for: .frame) {} == nil)
        var header = FrameHeader(.request, method: .prepare, requestID: 2)
        header.isEnd = true
        let frame = FrameEncoder.encode(header, body: [UInt8](repeating: 1, count: 8 * Self.mebibyte)[...]).bytes
        var connection = Connection(.server, limits: WireLimits())
        connection.receive(RawClient.hello[...])
        while connection.nextEvent() != nil {}
        _ = connection.acceptHello(HelloReply())
        connection.receive(frame[..<1_000])
        #expect(connection.nextEvent() == nil)
        var memory = ConnectionMemory(budget)
        let grants = Mutex(0)
        memory.received(1_000, &connection) { grants.withLock { $0 += 1 } }
        #expect(memory.waitsForRoom)
        // The room comes, and before the connection hears of it, it ends.
        budget.giveRoom(12 * Self.mebibyte, for: .frame)
        #expect(grants.withLock { $0 } == 1)
        memory.end()
        #expect(budget.usedBytes == 0)
        // Nor does anything keep a frame that fits only alone from its room.
        #expect(budget.takeRoom(64 * Self.mebibyte, for: .frame) {} == nil)
    }

    @Test func noMoreIsMadeForWhoHasEnoughWaitingHoweverMuchIsFree() {
        let room = OutputRoom(NetworkBudget(bytesMax: 1 << 30))
        #expect(room.hasRoom(upTo: OutputRoom.streamBytesMax))
        room.post(OutputRoom.streamBytesMax)
        #expect(!room.hasRoom(upTo: OutputRoom.streamBytesMax) && room.hasRoom(upTo: OutputRoom.answerBytesMax))
        // The loop takes it, and the kernel all but a little: those that wait are woken, once.
        room.taken(OutputRoom.streamBytesMax)
        #expect(room.left(1_000) && !room.left(900))
        #expect(room.hasRoom(upTo: OutputRoom.streamBytesMax))
    }

    @Test func theBoundMayChangeWhileSomeHaveAndOthersWait() {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        let granted = Mutex(0)
        func take(_ mebibytes: Int) -> Bool {
            budget.takeRoom(mebibytes * Self.mebibyte, for: .frame) { granted.withLock { $0 += 1 } } == nil
        }
        #expect(take(60) && !take(50))
        budget.bytesMax = 109 * Self.mebibyte
        #expect(granted.withLock { $0 } == 0)
        budget.bytesMax = 110 * Self.mebibyte
        #expect(granted.withLock { $0 } == 1 && budget.usedBytes == 110 * Self.mebibyte)
        budget.bytesMax = 50 * Self.mebibyte
        #expect(budget.isExceeded && budget.isPressed && !take(1))
        budget.giveRoom(60 * Self.mebibyte, for: .frame)
        #expect(granted.withLock { $0 } == 1)
        budget.giveRoom(50 * Self.mebibyte, for: .frame)
        #expect(granted.withLock { $0 } == 2 && !budget.isPressed)
    }

    @Test func memoryGoesBackSomeTimesAfterMuchWasLetGo() {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        func looks(_ count: Int) -> [Bool] { (0..<count).map { _ in budget.isTrimDue(above: 32 * Self.mebibyte) } }
        #expect(looks(2) == [false, false])
        budget.add(60 * Self.mebibyte)
        #expect(looks(1) == [false])
        budget.add(-60 * Self.mebibyte)
        // Threads that worked for those who have gone let go of theirs later.
        #expect(looks(8) == [true, false, true, false, false, true, false, false])
    }

    @Test func thePartOfEachShrinksAsThereIsLess() {
        let budget = NetworkBudget(bytesMax: 100 * Self.mebibyte)
        #expect(budget.outputPart == 50 * Self.mebibyte)
        budget.add(60 * Self.mebibyte)
        #expect(budget.outputPart == 20 * Self.mebibyte)
        budget.add(60 * Self.mebibyte)
        #expect(budget.outputPart == NetworkBudget.partLeast && budget.isExceeded && budget.isPressed)
        budget.add(-120 * Self.mebibyte)
        #expect(!budget.isPressed)
    }
}
