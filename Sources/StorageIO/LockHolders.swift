public import FeatureModel

/// Who holds one lock: nobody, one exclusive holder, or a number of shared ones.
package struct LockHolders: Sendable {
    private var shared = 0
    private var isExclusive = false

    package init() {}

    var isFree: Bool { shared == 0 && !isExclusive }

    /// Takes the lock if it can be had; returns whether it was.
    package mutating func take(exclusive: Bool) -> Bool {
        guard exclusive ? isFree : !isExclusive else { return false }
        if exclusive { isExclusive = true } else { shared += 1 }
        return true
    }

    package mutating func giveBack() {
        if isExclusive { isExclusive = false } else { shared -= 1 }
    }

    package static func refusal(_ path: String, _ holder: String) -> HeadwaterError {
        HeadwaterError(
            .failedPrecondition, "\(holder) \(HeadwaterError.heldLock); stop it, or choose another directory", at: path)
    }
}

extension HeadwaterError {
    fileprivate static let heldLock = "already holds this lock"

    /// Whether a lock could not be had because somebody else holds it.
    public var isOfHeldLock: Bool { code == .failedPrecondition && message.contains(Self.heldLock) }
}
