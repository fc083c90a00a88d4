internal import FeatureModel

/// Who holds one lock: nobody, one exclusive holder, or a number of shared ones.
struct LockHolders {
    private var shared = 0
    private var isExclusive = false

    var isFree: Bool { shared == 0 && !isExclusive }

    /// Takes the lock if it can be had; returns whether it was.
    mutating func take(exclusive: Bool) -> Bool {
        guard exclusive ? isFree : !isExclusive else { return false }
        if exclusive { isExclusive = true } else { shared += 1 }
        return true
    }

    mutating func giveBack() {
        if isExclusive { isExclusive = false } else { shared -= 1 }
    }

    static func refusal(_ path: String, _ holder: String) -> HeadwaterError {
        HeadwaterError(
            .failedPrecondition, "\(holder) already holds this lock; stop it, or choose another directory", at: path)
    }
}
