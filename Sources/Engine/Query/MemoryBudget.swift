public import FeatureModel
internal import Synchronization

/// Memory that requests share: each takes its part before it uses it, and gives it back when its answer is through.
public final class MemoryBudget: Sendable {
    private struct State {
        var bytesMax: Int
        var taken = 0
    }

    /// Whose memory it is, and what to do where it does not do: the end of a refusal's sentence.
    fileprivate let advice: String
    private let state: Mutex<State>

    public init(
        bytesMax: Int,
        advice: String =
            "all history requests together may hold that much: try again when others are done, or ask for it in parts"
    ) {
        state = Mutex(State(bytesMax: bytesMax))
        self.advice = advice
    }

    /// The bound. A smaller one takes nothing from those who have it: others wait until it is kept.
    public var bytesMax: Int {
        get { state.withLock { $0.bytesMax } }
        set { state.withLock { $0.bytesMax = newValue } }
    }

    /// The bytes that all leases hold together.
    public var takenBytes: Int { state.withLock { $0.taken } }

    fileprivate func take(_ bytes: Int) -> Bool {
        state.withLock { state in
            guard bytes <= state.bytesMax - state.taken else { return false }
            state.taken += bytes
            return true
        }
    }

    fileprivate func takeShare(_ parts: Int, _ bounds: ClosedRange<Int>) -> Int? {
        state.withLock { state in
            let free = state.bytesMax - state.taken
            let share = min(max(free / parts, bounds.lowerBound), bounds.upperBound)
            if share > free { return nil }
            state.taken += share
            return share
        }
    }

    fileprivate func giveBack(_ bytes: Int) { state.withLock { $0.taken -= bytes } }
}

/// One request's part of a budget. It belongs to one thread at a time and returns all of it when it is destroyed.
public final class MemoryLease {
    public let budget: MemoryBudget
    public private(set) var bytes = 0

    public init(_ budget: MemoryBudget) { self.budget = budget }

    deinit { budget.giveBack(bytes) }

    /// Takes one part of `parts` of what nobody holds: so many requests at once each find some.
    ///
    /// - Parameter bounds: what is taken at the least, and at the most.
    /// - Returns: `false`, and nothing is taken, where there is less than the least.
    public func takeShare(_ parts: Int, _ bounds: ClosedRange<Int>) -> Bool {
        guard let share = budget.takeShare(parts, bounds) else { return false }
        bytes += share
        return true
    }

    /// Takes more; `false`, and nothing is taken, where the budget does not have it.
    public func grow(by more: Int) -> Bool {
        guard budget.take(more) else { return false }
        bytes += more
        return true
    }

    /// Takes more.
    ///
    /// - Throws: `.resourceExhausted` where the budget does not have it.
    public func need(_ more: Int, for what: String) throws(HeadwaterError) {
        guard grow(by: more) else {
            throw HeadwaterError(
                .resourceExhausted,
                "\(what) needs \(bytes + more) bytes of \(budget.bytesMax); \(budget.advice)")
        }
    }

    /// Gives back what is above `kept` bytes.
    public func shrink(to kept: Int) {
        guard kept < bytes else { return }
        budget.giveBack(bytes - kept)
        bytes = kept
    }
}
