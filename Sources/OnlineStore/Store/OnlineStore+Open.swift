public import FeatureModel
public import StorageIO

extension OnlineStore {
    /// Who opens a store's directory.
    public enum Access: Sendable {
        /// Holds it alone, and clears away what a crash left.
        case owner
        /// Shares it with other readers, and changes nothing.
        case reader
    }

    /// Opens the newest snapshot in `directory`, or starts empty where there is none; records after `appliedPosition` are then
    /// to be applied.
    ///
    /// - Parameters:
    ///   - seed: the hash seed of a store that starts empty.
    ///   - logID: 16 bytes that name the log this store is a fold of.
    /// - Complexity: O(1) in rows; O(rows) for a snapshot of format 1, which is read into memory.
    /// - Throws: `.dataLoss` with `file:offset` where the newest snapshot is damaged: an older one is not taken instead;
    ///   `.unimplemented` for one of a newer format, `.failedPrecondition` for one of another log or a directory in use.
    public static func open(
        _ storage: any Storage, directory: String, seed: UInt64, logID: [UInt8], access: Access = .owner
    ) throws(HeadwaterError) -> OnlineStore {
        precondition(logID.count == 16, "a log id has 16 bytes")
        if access == .owner { try storage.createDirectory(directory) }
        let lock = try storage.lock(StoragePath.join(directory, "lock"), exclusive: access == .owner)
        let names = try storage.list(directory)
        let mapped = try openNewest(storage, directory, names, logID: logID)
        if access == .owner {
            for name in names where SnapshotFormat.isLeftover(name) { try storage.remove(StoragePath.join(directory, name)) }
            // The owner before may have been killed between a snapshot's rename and the sync of the directory. The log is let go
            // of behind what is found here: a power cut must not bring the snapshot before it back.
            try storage.syncDirectory(directory)
        }
        return OnlineStore(
            storage: storage, directory: directory, lock: lock, seed: mapped?.header.seed ?? seed, logID: logID, mapped: mapped,
            older: mapped?.version == 1 ? try mapped?.memtable() : nil)
    }

    private static func openNewest(
        _ storage: any Storage, _ directory: String, _ names: [String], logID: [UInt8]
    ) throws(HeadwaterError) -> SnapshotFile? {
        guard let position = names.compactMap(SnapshotFormat.position(ofName:)).max() else { return nil }
        let path = StoragePath.join(directory, SnapshotFormat.name(position))
        let file = try SnapshotFile(storage, path)
        guard file.header.position == position else {
            throw SnapshotFile.damage(path, 24, "it is of position \(file.header.position), not of the one in its name")
        }
        guard file.header.logID == logID else {
            throw HeadwaterError(
                .failedPrecondition, "the online snapshot belongs to another log: bring that log back, or move the snapshot away",
                at: path)
        }
        return file
    }

    /// Reads the whole snapshot in use and checks every block: the scrub.
    /// Reads of a block that does not hold are refused from then on.
    ///
    /// - Throws: what `visit` throws.
    public func verifySnapshot(_ visit: ScrubVisit) throws(HeadwaterError) {
        guard let mapped = maps.mapped else { return }
        try mapped.verifyEnds(visit)
        try mapped.blocks.verifyAll(visit)
        try visit(.checked(bytes: 0, rows: mapped.footer.rows))
    }

    /// Reads the whole snapshot in use and checks every block.
    ///
    /// - Complexity: O(bytes of the file).
    /// - Throws: `.dataLoss` with `file:offset` of the first damaged block.
    public func verifySnapshot() throws(HeadwaterError) {
        try maps.mapped?.blocks.verifyAll()
    }
}
