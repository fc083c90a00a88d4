internal import FeatureModel
internal import Synchronization

extension OfflineStore {
    /// Commits a manifest made from the current one, and lets reads see it. Called by the owner's thread only, so the version
    /// does not change between the two locks, and no lock is held over the disk's work.
    ///
    /// - Throws: what the disk says. After an outcome that is unknown the store stops writing for good.
    func commit(
        _ change: (inout Manifest) -> Void, publish: (inout StoreState) -> Void
    ) throws(HeadwaterError) {
        let old = state.withLock { $0.version }
        var manifest = old.manifest
        change(&manifest)
        manifest.number += 1
        manifest.nextChunkNumber = place.numbers.upcoming
        for (group, oldest) in manifest.oldestAsOf {
            manifest.cutoffs[group] = manifest.cutoffs[group]?.pruned(oldestAsOf: oldest)
        }
        // Opened before the commit: a file that cannot be read is not named.
        let version = try StoreVersion(manifest, reusing: old.files, place: place)
        do { try manifestFile.commit(manifest) } catch {
            switch error {
            case .before(let cause): throw cause
            case .unknown(let cause):
                state.withLock { $0.failure = cause }
                throw cause
            }
        }
        state.withLock { state in
            state.version = version
            publish(&state)
        }
        // Views that still read them hold them mapped. A file that cannot be removed now is an orphan at the next open.
        let kept = Set(manifest.chunks.map(\.number))
        place.discard(old.manifest.chunks.map(\.number).filter { !kept.contains($0) })
    }

    /// - Throws: `.failedPrecondition` in a read-only store, and what stopped the store for good.
    func checkWritable() throws(HeadwaterError) {
        if isReadOnly { throw HeadwaterError(.failedPrecondition, "the offline store is open read-only", at: place.directory) }
        if let failure = state.withLock({ $0.failure }) {
            throw HeadwaterError(
                failure.code, "the offline store has stopped writing after a failed commit; restart it: \(failure.message)",
                at: failure.location)
        }
    }
}
