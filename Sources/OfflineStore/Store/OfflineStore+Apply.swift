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
            switch record.change {
            case .nothing: break
            case .rows, .row:
                for entry in record.entries where entry.batch.rowCount > 0 {
                    let part = MemoryPart(entry: entry, position: record.position, ingestTime: record.ingestTime)
                    state.live[entry.schema.groupID, default: MemoryTable()].append(part)
                    state.liveBytes += part.byteCount
                }
            case .cutoff(let cutoff):
                state.hide(cutoff.groupID, before: cutoff.cutoff, from: record.position)
            case .removals(let removals):
                for removal in removals where !removal.keepsHistory {
                    state.hide(removal.groupID, before: GroupRemoval.cutoff, from: record.position)
                }
            }
        }
    }
}

extension StoreState {
    /// Rows of a group before a time are hidden from a position on.
    fileprivate mutating func hide(_ group: GroupID, before cutoff: Microseconds, from position: Position) {
        cutoffs[group, default: CutoffHistory()].append(PlacedCutoff(position: position, cutoff: cutoff))
    }
}
