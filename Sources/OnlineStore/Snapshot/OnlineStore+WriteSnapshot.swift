public import FeatureModel
internal import StorageIO
internal import Synchronization

/// A snapshot that is on disk, verified, and not in use yet.
public struct WrittenSnapshot: Sendable {
    /// Every record up to here is in it.
    public let position: Position
    public let path: String
    let file: SnapshotFile
    /// The maps whose rows the file has: the store keeps them until the file is adopted.
    let merged: [ObjectIdentifier]
}

extension OnlineStore {
    /// All at once would keep the thread in the kernel, which gives its core to nobody meanwhile.
    private static let bytesSyncedAtOnce = 8 << 20

    /// Writes a cut into a new snapshot file, next to gets and writes: touches only what does not change.
    ///
    /// Afterwards the file is durable and has been read back whole. On failure nothing has changed: the frozen maps stay, and the
    /// next snapshot takes them too.
    /// - Parameters:
    ///   - cut: what `beginSnapshot` returned.
    ///   - extra: opaque bytes that `recoveredExtra` gives back.
    ///   - name: of the file; without one the name that opens look for.
    ///   - isCancelled: asked every few rows.
    /// - Complexity: O(rows of the whole store).
    /// - Throws: `.resourceExhausted` for a full disk, `.dataLoss` where the snapshot before it is damaged, `.cancelled`.
    public func writeSnapshot(
        _ cut: OnlineReadView, extra: [UInt8], name: String? = nil, isCancelled: @escaping () -> Bool = { false }
    ) throws(HeadwaterError) -> WrittenSnapshot {
        let cut = Sabotage.tornSnapshot.isPlanted ? cut.claiming(appliedPosition) : cut
        let path = StoragePath.join(directory, name ?? SnapshotFormat.name(cut.position))
        let temporary = path + ".tmp"
        let verified: SnapshotFile
        do throws(HeadwaterError) {
            let pause = pauses(isCancelled)
            try write(cut, extra, temporary, pause)
            verified = try SnapshotFile(storage, temporary)
            try verify(verified, pause)
            try storage.rename(temporary, to: path)
        } catch {
            // Gives the space back on a full disk; what stays behind is removed by the next attempt or the next open.
            try? storage.remove(temporary)
            throw error
        }
        try storage.syncDirectory(directory)
        // The mapping that was verified, so that the first reads wait neither for its pages nor for its checksums.
        return WrittenSnapshot(
            position: cut.position, path: path, file: SnapshotFile(verified, renamedTo: path),
            merged: cut.maps.frozen.map { ObjectIdentifier($0) })
    }

    /// Returns what the writer calls every few rows: it yields the core, and throws where the snapshot was cancelled.
    private func pauses(_ isCancelled: @escaping () -> Bool) -> () throws(HeadwaterError) -> Void {
        let giveWay = betweenRows
        return { () throws(HeadwaterError) in
            giveWay()
            if isCancelled() { throw HeadwaterError(.cancelled, "the snapshot was given up: there was no more time for it") }
        }
    }

    private func write(
        _ cut: OnlineReadView, _ extra: [UInt8], _ path: String, _ pause: () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        let header = SnapshotHeader(
            seed: seed, position: cut.position, logID: logID, ingestTimeHighWater: cut.ingestTimeHighWater)
        var rowsMax = cut.rowsMax
        // Hashes that crowd together beyond the room behind the index want a larger one; that they do is next to impossible.
        while try !write(cut, extra, header, SnapshotIndex(rowsMax: rowsMax), path, pause) { rowsMax *= 2 }
    }

    /// - Returns: `false` where the index is too small.
    private func write(
        _ cut: OnlineReadView, _ extra: [UInt8], _ header: SnapshotHeader, _ index: SnapshotIndex, _ path: String,
        _ pause: () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) -> Bool {
        if storage.exists(path) { try storage.remove(path) }
        let file = try storage.open(path, .create)
        defer { file.close() }
        var writer = SnapshotWriter(file, header, index)
        var hasRoom = true
        var rows = 0
        var unsyncedBytes = 0
        try cut.forEachRecord { row throws(HeadwaterError) in
            rows += 1
            if rows % Self.rowsBetweenPauses == 0 { try pause() }
            unsyncedBytes += row.bytes.count
            if unsyncedBytes >= Self.bytesSyncedAtOnce {
                try file.sync()
                unsyncedBytes = 0
            }
            if hasRoom { hasRoom = try writer.append(row) }
        }
        guard hasRoom else { return false }
        try writer.finish(groups: cut.maps.groups, extra: extra)
        try file.sync()
        // It is read back from the disk, and into huge pages, which is what gets read from then on.
        let size = try file.size()
        for start in stride(from: 0, to: size, by: Self.bytesSyncedAtOnce) {
            file.forgetCached(start..<min(start + Self.bytesSyncedAtOnce, size))
            try pause()
        }
        return true
    }

    /// Reads a new file back: every block, and every row in its order and where the index says.
    private func verify(_ file: SnapshotFile, _ pause: () throws(HeadwaterError) -> Void) throws(HeadwaterError) {
        try file.blocks.verifyAll(pause: pause)
        var cursor = try RowCursor(file)
        var previous = RowBuffer()
        var count = 0
        var slot = 0
        while !cursor.row.isEmpty {
            slot = max(slot, file.geometry.index.slot(cursor.row.hash))
            guard file.entry(slot) == SnapshotIndex.entry(cursor.row.hash, cursor.rowOffset) else {
                throw SnapshotFile.damage(file.path, SnapshotIndex.offset + slot * 8, "the index does not name row \(count)")
            }
            slot += 1
            if !previous.isEmpty && previous.keyOrder(cursor.row) >= 0 {
                throw SnapshotFile.damage(file.path, file.geometry.rowsOffset, "row \(count) is not in hash order")
            }
            previous = cursor.row
            count += 1
            if count % Self.rowsBetweenPauses == 0 { try pause() }
            try cursor.advance()
        }
        guard count == file.footer.rows else {
            throw SnapshotFile.damage(file.path, file.geometry.rowsOffset, "\(count) rows where \(file.footer.rows) were written")
        }
    }
}
