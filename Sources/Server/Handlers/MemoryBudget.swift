import FeatureModel
import Synchronization

/// Memory that requests share: each takes its part before it uses it, and gives it back when its answer is through.
final class MemoryBudget: Sendable {
    let bytesMax: Int
    private let taken = Mutex(0)

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// What all leases hold together.
    var takenBytes: Int { taken.withLock { $0 } }

    /// What nobody holds.
    var freeBytes: Int { bytesMax - takenBytes }

    fileprivate func take(_ bytes: Int) -> Bool {
        taken.withLock { taken in
            guard bytes <= bytesMax - taken else { return false }
            taken += bytes
            return true
        }
    }

    fileprivate func giveBack(_ bytes: Int) { taken.withLock { $0 -= bytes } }
}

/// One request's part of a budget. Belongs to one thread at a time; gives all back when it is let go.
final class MemoryLease {
    let budget: MemoryBudget
    private(set) var bytes = 0

    init(_ budget: MemoryBudget) { self.budget = budget }

    deinit { budget.giveBack(bytes) }

    /// Takes more; `false`, and nothing is taken, where the budget does not have it.
    func grow(by more: Int) -> Bool {
        guard budget.take(more) else { return false }
        bytes += more
        return true
    }

    /// Takes more.
    ///
    /// - Throws: `.resourceExhausted` where the budget does not have it.
    func need(_ more: Int, for what: String) throws(HeadwaterError) {
        guard grow(by: more) else {
            throw HeadwaterError(
                .resourceExhausted,
                "\(what) needs \(bytes + more) bytes; all history requests together may hold \(budget.bytesMax): "
                    + "try again when others are done, or ask for it in parts")
        }
    }

    /// Gives back what is above `kept` bytes.
    func shrink(to kept: Int) {
        guard kept < bytes else { return }
        budget.giveBack(bytes - kept)
        bytes = kept
    }
}
