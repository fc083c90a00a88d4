import Catalog
public import FeatureModel
import OnlineStore

/// Cutoffs of groups with a retention: how the passing of time enters the log.
extension OnlineEngine {
    /// Cutoffs that are due: for each group with a retention, rows older than it count as gone once they are a hundredth of
    /// it overdue.
    ///
    /// - Parameter now: the clock's `ageTime`.
    public func dueCutoffs(now: Microseconds) -> [RetentionCutoff] {
        guard failure == nil else { return [] }
        return catalog.allGroups.compactMap { group in
            guard let retention = group.retentionMicroseconds else { return nil }
            let cutoff = now - retention
            if let last = store.cutoff(of: group.id), cutoff - last < max(retention / 100, 1_000_000) { return nil }
            return RetentionCutoff(groupID: group.id, cutoff: cutoff)
        }
    }

    /// Appends the cutoffs that are due and applies them, before anybody reads: a store that is open for a moment only keeps
    /// its retention too.
    ///
    /// - Parameters:
    ///   - now: trusted time.
    ///   - ageTime: what ages are counted from.
    /// - Returns: what kept one from being taken.
    public func cutOffDue(now: Microseconds, ageTime: Microseconds) -> [HeadwaterError] {
        for cutoff in dueCutoffs(now: ageTime) { submit(.cutoff(cutoff), token: 0) }
        let completions = runQueue { now }
        // The records are synced at once, whatever the durability: no timer runs yet that would do it later.
        if !completions.isEmpty { sync() }
        return completions.compactMap { if case .failed(let error) = $0.outcome { error } else { nil } }
    }
}
