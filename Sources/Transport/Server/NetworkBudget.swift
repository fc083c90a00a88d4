internal import Synchronization

/// Memory that input and output of all connections share. For any thread.
///
/// What has come, or waits to be sent, is counted without asking. A large frame asks before the rest of it is read, and the connection reads on when
/// there is room: the smallest that waits comes first. Answers are made while their connection has less waiting than a part of what is free,
/// so that the part of each shrinks as there are more of them.
final class NetworkBudget: Sendable {
    /// What a connection may always have waiting.
    static let partLeast = 256 << 10

    private struct Wait {
        let bytes: Int
        let order: UInt64
        let granted: @Sendable () -> Void
    }

    private struct State {
        var used = 0
        /// The most that was used since memory was last given back.
        var peak = 0
        /// Frames that have room and are not whole yet.
        var frameCount = 0
        var waits: [UInt64: Wait] = [:]
        var lastOrder: UInt64 = 0
    }

    let bytesMax: Int
    private let state = Mutex(State())
    private let part: Atomic<Int>
    private let pressed = Atomic<Bool>(false)
    /// Called when memory becomes short.
    private let onPressure: Mutex<(@Sendable () -> Void)?>

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
        part = Atomic(max(Self.partLeast, bytesMax / 2))
        onPressure = Mutex(nil)
    }

    func whenPressed(_ body: @escaping @Sendable () -> Void) { onPressure.withLock { $0 = body } }

    /// What one connection may have waiting to be sent before no more is made for it.
    var outputPart: Int { part.load(ordering: .relaxed) }
    /// Whether clients that keep memory without using it should go.
    var isPressed: Bool { pressed.load(ordering: .relaxed) }
    var usedBytes: Int { state.withLock { $0.used } }
    var isExceeded: Bool { usedBytes > bytesMax }

    /// Counts bytes that are held, or, below zero, are let go of.
    func add(_ bytes: Int) {
        change { state in
            state.used += bytes
            state.peak = max(state.peak, state.used)
        }
    }

    /// Takes room for a whole frame.
    ///
    /// - Parameter granted: called later, from any thread, where there is none now; the room is taken then.
    /// - Returns: whether there was room.
    func takeFrame(_ bytes: Int, connectionID: UInt64, granted: @escaping @Sendable () -> Void) -> Bool {
        var isTaken = false
        change { state in
            isTaken = state.waits.isEmpty && Self.fits(bytes, state, bytesMax)
            if isTaken { return Self.take(bytes, &state) }
            state.lastOrder += 1
            state.waits[connectionID] = Wait(bytes: bytes, order: state.lastOrder, granted: granted)
        }
        return isTaken
    }

    /// A frame that had room is whole; its bytes are counted on by `add`.
    func frameIsWhole(_ bytes: Int) {
        change { state in
            state.frameCount -= 1
            state.used -= bytes
        }
    }

    /// A connection that waits for room has closed.
    func giveUp(connectionID: UInt64) { change { $0.waits[connectionID] = nil } }

    /// Whether so much less is used than was that memory is worth giving back to the system; asked for once.
    func takePeak(above bytes: Int) -> Bool {
        state.withLock { state in
            guard state.peak - state.used > bytes else { return false }
            state.peak = state.used
            return true
        }
    }

    /// Alone a frame finds room whatever its size, so that each comes through.
    private static func fits(_ bytes: Int, _ state: State, _ bytesMax: Int) -> Bool {
        state.frameCount == 0 || bytes <= bytesMax - state.used
    }

    private static func take(_ bytes: Int, _ state: inout State) {
        state.frameCount += 1
        state.used += bytes
        state.peak = max(state.peak, state.used)
    }

    private func change(_ body: (inout State) -> Void) {
        let (granted, isNewlyPressed) = state.withLock { state -> ([@Sendable () -> Void], Bool) in
            body(&state)
            var granted: [@Sendable () -> Void] = []
            while let next = state.waits.min(by: { ($0.value.bytes, $0.value.order) < ($1.value.bytes, $1.value.order) }),
                Self.fits(next.value.bytes, state, bytesMax)
            {
                Self.take(next.value.bytes, &state)
                state.waits[next.key] = nil
                granted.append(next.value.granted)
            }
            part.store(max(Self.partLeast, (bytesMax - state.used) / 2), ordering: .relaxed)
            let isPressed = !state.waits.isEmpty || state.used > bytesMax / 4 * 3
            let wasPressed = pressed.exchange(isPressed, ordering: .relaxed)
            return (granted, isPressed && !wasPressed)
        }
        for wake in granted { wake() }
        if isNewlyPressed { onPressure.withLock { $0 }?() }
    }
}

/// What a connection has waiting to be sent, which those that make its answers look at. The loop and any thread.
final class OutputRoom: Sendable {
    private let budget: NetworkBudget
    /// Handed over and not yet taken by the loop; taken by it and not by the kernel.
    private let posted = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)
    /// Whether somebody waits for room.
    private let isBlocked = Atomic<Bool>(false)

    init(_ budget: NetworkBudget) { self.budget = budget }

    /// Whether more may be made. Where not, the loop wakes all exchanges of the connection once there is room.
    func hasRoom() -> Bool {
        if isFree { return true }
        isBlocked.store(true, ordering: .sequentiallyConsistent)
        return isFree
    }

    private var isFree: Bool {
        posted.load(ordering: .sequentiallyConsistent) + waiting.load(ordering: .sequentiallyConsistent) < budget.outputPart
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
        guard isBlocked.load(ordering: .sequentiallyConsistent), isFree else { return false }
        return isBlocked.exchange(false, ordering: .sequentiallyConsistent)
    }
}
