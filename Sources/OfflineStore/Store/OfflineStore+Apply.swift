public import FeatureModel
internal import Synchronization

extension OfflineStore {
    /// Folds one record of the log in; one that has been applied already is passed over. Never refuses.
    ///
    /// - Complexity: O(entries) and amortized O(log n) for joining memory runs; rows are not touched before a read sorts them.
    public func apply(_ record: AppliedRecord) {
        state.withLock { state in
            guard record.position > state.applied else { return }
            state.applied = record.position
            for entry in record.entries where entry.batch.rowCount > 0 {
                let part = MemoryPart(entry: entry, position: record.position, ingestTime: record.ingestTime)
                state.live[entry.schema.groupID, default: MemoryTable()].append(part)
                state.liveBytes += part.byteCount
            }
            if let cutoff = record.cutoff {
                state.cutoffs[cutoff.groupID, default: CutoffHistory()].append(
                    PlacedCutoff(position: record.position, cutoff: cutoff.cutoff))
            }
            for removal in record.removals where !removal.keepsHistory {
                state.cutoffs[removal.groupID, default: CutoffHistory()].append(
                    PlacedCutoff(position: record.position, cutoff: GroupRemoval.cutoff))
            }
        }
    }
}
