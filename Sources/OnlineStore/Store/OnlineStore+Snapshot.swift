public import FeatureModel
internal import StorageIO
internal import Synchronization

/// A snapshot that is on disk, verified, and not in use yet.
public struct WrittenSnapshot: Sendable {
    /// Every record up to here is in it.
    public let position: Position
    public let path: String
    let file: SnapshotFile
    /// What the file stands for: these maps go when it is adopted, and are held by the store until then.
    let merged: [ObjectIdentifier]
}

extension OnlineStore {
    /// Freezes the maps at the applied position and lets writes go to new ones: the cut of the next snapshot.
    ///
    /// The engine takes what goes into `extra` at the same position, before it applies another record.
    /// - Complexity: O(stripes).
    public func beginSnapshot() -> OnlineSnapshotView {
        applying.withLock { _ in
            state.withLock { state in
                let tables = state.tables
                var frozen = tables.frozen
                if tables.live.byteCount > 0 {
                    frozen.insert(tables.live, at: 0)
                    state.tables = Tables(
                        live: Generation(seed: seed), frozen: frozen, mapped: tables.mapped, groups: tables.groups)
                }
                // The cut has no pin: frozen maps hold nothing newer than it, and the live map is not part of it.
                let cut = Tables(live: Generation(seed: seed), frozen: frozen, mapped: tables.mapped, groups: tables.groups)
                return OnlineSnapshotView(
                    cut, position: state.visible, ingestTimeHighWater: state.ingestTimeHighWater, pinnedIn: nil)
            }
        }
    }

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
        _ cut: OnlineSnapshotView, extra: [UInt8], name: String? = nil, isCancelled: @escaping () -> Bool = { false }
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
            merged: cut.tables.frozen.map { ObjectIdentifier($0) })
    }

    /// What is called every few rows: gives way, and ends what is cancelled.
    private func pauses(_ isCancelled: @escaping () -> Bool) -> () throws(HeadwaterError) -> Void {
        let giveWay = betweenRows
        return { () throws(HeadwaterError) in
            giveWay()
            if isCancelled() { throw HeadwaterError(.cancelled, "the snapshot was given up: there was no more time for it") }
        }
    }

    private func write(
        _ cut: OnlineSnapshotView, _ extra: [UInt8], _ path: String, _ pause: () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        let header = SnapshotHeader(
            seed: seed, position: cut.position, logID: logID, ingestTimeHighWater: cut.ingestTimeHighWater)
        var rowsMax = cut.rowsMax
        // Hashes that crowd together beyond the room behind the index want a larger one; that they do is next to impossible.
        while try !write(cut, extra, header, SnapshotIndex(rowsMax: rowsMax), path, pause) { rowsMax *= 2 }
    }

    /// - Returns: `false` where the index is too small.
    private func write(
        _ cut: OnlineSnapshotView, _ extra: [UInt8], _ header: SnapshotHeader, _ index: SnapshotIndex, _ path: String,
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
        try writer.finish(groups: cut.tables.groups, extra: extra)
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

    /// Lets go of the maps that the last `adopt` took out of use, and gives their memory back to the system: for a thread that nobody
    /// waits for.
    public func returnFreedMemory() {
        let tables = outgoing.withLock { outgoing in
            defer { outgoing = nil }
            return outgoing
        }
        withExtendedLifetime(tables) {}
        _ = consume tables
        MapMemory.returnFreedPages()
    }

    /// Puts a written snapshot to use, lets go of the maps it stands for, and removes the snapshots before it.
    ///
    /// A snapshot that is older than the one in use changes nothing.
    /// - Throws: where an old file cannot be removed; the new one is in use all the same.
    public func adopt(_ written: WrittenSnapshot) throws(HeadwaterError) {
        let isAdopted = state.withLock { state in
            let tables = state.tables
            guard written.position >= tables.mapped?.header.position ?? 0 else { return false }
            let frozen = tables.frozen.filter { generation in !written.merged.contains(ObjectIdentifier(generation)) }
            state.tables = Tables(live: tables.live, frozen: frozen, mapped: written.file, groups: tables.groups)
            // Freeing a map takes long: not here.
            outgoing.withLock { $0 = tables }
            return true
        }
        guard isAdopted else { return }
        for name in try storage.list(directory) {
            if let position = SnapshotFormat.position(ofName: name), position < written.position {
                try storage.remove(StoragePath.join(directory, name))
            }
        }
    }
}
