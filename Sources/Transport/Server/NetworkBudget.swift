internal import Synchronization

/// The memory budget that input and output of all connections share. Any thread may use it.
///
/// Received and unsent bytes are counted without being asked for. A large frame asks for room before the rest of it is read, a
/// large answer before it is made, and a scan before it begins. Frames wait for room in one queue, answers and scans in another;
/// in each the smallest is served first. While frames come or wait, everything else has three quarters: otherwise many clients
/// that read nothing would keep a write from its room. Answers are made while their connection has less waiting than a part of
/// what is free, so that the part of each shrinks as there are more of them.
final class NetworkBudget: Sendable {
    /// The unsent bytes that every connection may have.
    static let partLeast = 256 << 10

    /// The purpose of a request for room.
    enum Purpose { case frame, answer }

    /// Identifies a request that waits for room.
    struct RoomWait {
        fileprivate let purpose: Purpose
        fileprivate let number: UInt64
    }

    private struct Wait {
        let bytes: Int
        /// Requests of the same queue that had been granted before this one came.
        let grantsBefore: Int
        let granted: @Sendable () -> Void
    }

    /// How many requests may overtake one that waits, and how many of one queue are granted in a row while the other waits.
    private static let passesMax = 64
    private static let streakMax = 16

    /// The grants and the waiting requests of one purpose.
    private struct Queue {
        /// Granted frames that are not whole yet, or granted answers that are not made yet, and their bytes.
        private(set) var roomCount = 0
        private(set) var roomBytes = 0
        /// Waiting requests by their order of arrival.
        private(set) var waits: [UInt64: Wait] = [:]
        private var last: UInt64 = 0
        private var grantCount = 0

        /// The smallest waiting request, unless `passesMax` others have
        /// overtaken the oldest: it comes first then, so that none starves.
        var next: (number: UInt64, wait: Wait)? {
            let oldest = waits.min { $0.key < $1.key }
            let isOverdue = oldest.map { grantCount - $0.value.grantsBefore >= passesMax } ?? false
            let next = isOverdue ? oldest : waits.min { ($0.value.bytes, $0.key) < ($1.value.bytes, $1.key) }
            return next.map { ($0.key, $0.value) }
        }

        mutating func add(_ bytes: Int, granted: @escaping @Sendable () -> Void) -> UInt64 {
            last += 1
            waits[last] = Wait(bytes: bytes, grantsBefore: grantCount, granted: granted)
            return last
        }

        mutating func grant(_ number: UInt64) {
            waits[number] = nil
            grantCount += 1
        }

        mutating func take(_ bytes: Int) { (roomCount, roomBytes) = (roomCount + 1, roomBytes + bytes) }
        mutating func give(_ bytes: Int) { (roomCount, roomBytes) = (roomCount - 1, roomBytes - bytes) }

        mutating func remove(_ number: UInt64) -> Wait? { waits.removeValue(forKey: number) }
    }

    private struct State {
        var bytesMax: Int
        var used = 0
        /// The most that was used since so much less was that memory is worth giving back, and looks since.
        var peak = 0
        var looksSinceDrop = Int.max
        private var frames = Queue()
        private var answers = Queue()
        /// Who got room last, and how often in a row while the other purpose waited.
        private var streak = (purpose: Purpose.frame, count: 0)

        init(bytesMax: Int) { self.bytesMax = bytesMax }

        var waitCount: Int { frames.waits.count + answers.waits.count }
        var roomCount: Int { frames.roomCount + answers.roomCount }

        subscript(_ purpose: Purpose) -> Queue {
            get { purpose == .frame ? frames : answers }
            _modify {
                switch purpose {
                case .frame: yield &frames
                case .answer: yield &answers
                }
            }
        }

        /// Alone a frame or an answer finds room whatever its size, so that each comes through.
        func fits(_ bytes: Int, _ purpose: Purpose) -> Bool {
            // Neither line may hold the other one up for ever.
            if streak.purpose == purpose, streak.count >= streakMax, isAwaited(otherThan: purpose) { return false }
            if roomCount == 0 { return true }
            let areFramesThere = frames.roomCount > 0 || !frames.waits.isEmpty
            if purpose == .answer, areFramesThere, bytes > bytesMax / 4 * 3 - (used - frames.roomBytes) { return false }
            return bytes <= bytesMax - used
        }

        private func isAwaited(otherThan purpose: Purpose) -> Bool {
            !self[purpose == .frame ? .answer : .frame].waits.isEmpty
        }

        mutating func take(_ bytes: Int, _ purpose: Purpose) {
            self[purpose].take(bytes)
            let row = streak.purpose == purpose ? streak.count + 1 : 1
            streak = (purpose, isAwaited(otherThan: purpose) ? row : 0)
            used += bytes
            peak = max(peak, used)
        }

        /// Gives room to the next that waits, a frame first.
        mutating func grantNext() -> (@Sendable () -> Void)? {
            for purpose in [Purpose.frame, .answer] {
                guard let (number, wait) = self[purpose].next, fits(wait.bytes, purpose) else { continue }
                take(wait.bytes, purpose)
                self[purpose].grant(number)
                return wait.granted
            }
            return nil
        }
    }

    private let state: Mutex<State>
    private let part: Atomic<Int>
    private let pressed = Atomic<Bool>(false)
    /// Called when memory becomes short.
    private let onPressure: Mutex<(@Sendable () -> Void)?>

    init(bytesMax: Int) {
        state = Mutex(State(bytesMax: bytesMax))
        part = Atomic(Self.part(free: bytesMax))
        onPressure = Mutex(nil)
    }

    func whenPressed(_ body: @escaping @Sendable () -> Void) { onPressure.withLock { $0 = body } }

    /// The unsent bytes of one connection at which nothing more is made for it.
    var outputPart: Int { part.load(ordering: .relaxed) }
    /// Whether clients that keep memory without using it should go.
    var isPressed: Bool { pressed.load(ordering: .relaxed) }
    var usedBytes: Int { state.withLock { $0.used } }
    var isExceeded: Bool { state.withLock { $0.used > $0.bytesMax } }

    /// The bound of all that is held. A smaller one takes nothing from those who have it: others wait until it is kept.
    var bytesMax: Int {
        get { state.withLock { $0.bytesMax } }
        set { change { $0.bytesMax = newValue } }
    }

    /// Counts bytes that are held, or, below zero, are let go of.
    func add(_ bytes: Int) {
        change { state in
            state.used += bytes
            state.peak = max(state.peak, state.used)
        }
    }

    /// Takes room for a whole frame, or an answer.
    ///
    /// - Parameter granted: called later, from any thread, where there is none now; the room is taken then.
    /// - Returns: `nil` where there was room, else what to give up by.
    func takeRoom(_ bytes: Int, for purpose: Purpose, granted: @escaping @Sendable () -> Void) -> RoomWait? {
        var number: UInt64?
        change { state in
            if state[purpose].waits.isEmpty && state.fits(bytes, purpose) { return state.take(bytes, purpose) }
            number = state[purpose].add(bytes, granted: granted)
        }
        return number.map { RoomWait(purpose: purpose, number: $0) }
    }

    /// A frame that had room is whole, or an answer made; its bytes are counted on by `add`.
    func giveRoom(_ bytes: Int, for purpose: Purpose) {
        change { state in
            state[purpose].give(bytes)
            state.used -= bytes
        }
    }

    /// Nobody wants the room any more.
    ///
    /// - Returns: `false` where it has been taken.
    @discardableResult
    func giveUp(_ wait: RoomWait) -> Bool {
        // It is let go of outside of the lock: it may hold the last of
        // a request, which answers when it ends, and comes back here.
        var givenUp: Wait?
        change { givenUp = $0[wait.purpose].remove(wait.number) }
        return withExtendedLifetime(givenUp) { givenUp != nil }
    }

    /// Whether memory is worth giving back to the system; asked once a second.
    ///
    /// Where so much less is used than was, and a few times after: threads
    /// that worked for those who have gone let go of their memory later.
    func isTrimDue(above bytes: Int) -> Bool {
        state.withLock { state in
            if state.peak - state.used > bytes {
                (state.peak, state.looksSinceDrop) = (state.used, 0)
            } else if state.looksSinceDrop < .max {
                state.looksSinceDrop += 1
            }
            return Self.trimsAfterDrop.contains(state.looksSinceDrop)
        }
    }

    private static let trimsAfterDrop: Set<Int> = [0, 2, 5]

    private static func part(free: Int) -> Int { max(partLeast, free / 2) }

    private func change(_ body: (inout State) -> Void) {
        let (granted, isNewlyPressed) = state.withLock { state -> ([@Sendable () -> Void], Bool) in
            let (used, roomCount, waitCount, bytesMax) = (state.used, state.roomCount, state.waitCount, state.bytesMax)
            body(&state)
            var granted: [@Sendable () -> Void] = []
            // Waiting requests are only looked at where memory was freed or the bound raised,
            // a request came that may be small enough, or one gave up.
            if state.used < used || state.roomCount < roomCount || state.waitCount != waitCount || state.bytesMax > bytesMax {
                while let next = state.grantNext() { granted.append(next) }
            }
            part.store(Self.part(free: state.bytesMax - state.used), ordering: .relaxed)
            let isPressed = state.waitCount > 0 || state.used > state.bytesMax / 4 * 3
            let wasPressed = pressed.exchange(isPressed, ordering: .relaxed)
            return (granted, isPressed && !wasPressed)
        }
        for wake in granted { wake() }
        if isNewlyPressed { onPressure.withLock { $0 }?() }
    }
}

/// The unsent bytes of a connection, which the threads that make its answers read. The loop writes it; any thread may read it.
final class OutputRoom: Sendable {
    private let budget: NetworkBudget
    /// Handed over and not yet taken by the loop; taken by it and not by the kernel.
    private let posted = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)
    /// Whether somebody waits for room.
    private let isBlocked = Atomic<Bool>(false)

    init(_ budget: NetworkBudget) { self.budget = budget }

    /// Takes room for an answer before it is made.
    ///
    /// - Parameter granted: called later, from any thread, where there is none now; the room is taken then.
    /// - Returns: `nil` where there was room, else a way to give up, which tells whether the room had not been taken.
    func takeRoom(_ bytes: Int, granted: @escaping @Sendable () -> Void) -> (@Sendable () -> Bool)? {
        guard let wait = budget.takeRoom(bytes, for: .answer, granted: granted) else { return nil }
        return { [budget] in budget.giveUp(wait) }
    }

    /// The answer has been handed over, or is not made after all.
    func giveRoom(_ bytes: Int) { budget.giveRoom(bytes, for: .answer) }

    /// The unsent bytes of streams, and of answers, at which nothing more is made: enough to keep a fast reader busy.
    static let streamBytesMax = 1 << 20
    static let answerBytesMax = 4 << 20

    /// Whether more may be made. Where not, the loop wakes all exchanges of the connection once there is room.
    func hasRoom(upTo bytesMax: Int) -> Bool {
        if isFree(bytesMax) { return true }
        isBlocked.store(true, ordering: .sequentiallyConsistent)
        return isFree(bytesMax)
    }

    private func isFree(_ bytesMax: Int) -> Bool {
        let held = posted.load(ordering: .sequentiallyConsistent) + waiting.load(ordering: .sequentiallyConsistent)
        return held < min(budget.outputPart, bytesMax)
    }

    var postedBytes: Int { posted.load(ordering: .relaxed) }

    func post(_ bytes: Int) { posted.add(bytes, ordering: .sequentiallyConsistent) }

    /// Called on the loop, which has taken what was posted.
    func taken(_ bytes: Int) { posted.subtract(bytes, ordering: .sequentiallyConsistent) }

    /// Called on the loop with what the kernel has not taken.
    ///
    /// - Returns: whether those that wait are to be woken.
    func left(_ bytes: Int) -> Bool {
        waiting.store(bytes, ordering: .sequentiallyConsistent)
        guard isBlocked.load(ordering: .sequentiallyConsistent), isFree(Self.answerBytesMax) else { return false }
        return isBlocked.exchange(false, ordering: .sequentiallyConsistent)
    }
}

/// Room for an answer that is being made; given back when it is let go.
public final class AnswerRoom: Sendable {
    private let room: OutputRoom
    private let bytes: Int

    init(_ room: OutputRoom, _ bytes: Int) { (self.room, self.bytes) = (room, bytes) }

    deinit { room.giveRoom(bytes) }
}
