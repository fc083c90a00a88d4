internal import CPrefetch
internal import FeatureModel
internal import StorageIO

/// The addresses of the latest rows of keys, one for each key; 0 where there is none. It keeps its memory from use to use.
struct FoundRows {
    private(set) var rows: [StoredRow] = []
    /// The first row of a snapshot that may be each key's, and the slot that names it; an offset of 0 for none.
    fileprivate var entries: [(slot: Int, rowOffset: Int)] = []

    /// Makes room for the keys of one group.
    mutating func reset(count: Int) {
        rows.removeAll(keepingCapacity: true)
        rows.append(contentsOf: repeatElement(StoredRow(address: 0), count: count))
    }

    /// Takes a row of a key in, unless one of the same or a greater order is there.
    @inline(__always)
    fileprivate mutating func take(_ row: StoredRow, of key: Int) {
        if rows[key].address == 0 || rows[key].order < row.order { rows[key] = row }
    }
}

extension MapSet {
    /// Finds the latest row of each key as of position `visible`, of which the caller holds a pin.
    ///
    /// Every map is asked: a late row may lie in the live one while an older map holds a newer row. Each is asked for all keys at
    /// once, in three passes, so that the waits for memory overlap: where to look, what to look at, looking.
    /// - Parameter rowBytes: about how large a row's key and features are.
    /// - Complexity: O(keys × maps).
    /// - Throws: `.dataLoss` where the snapshot is damaged.
    func find(
        _ keys: borrowing EncodedKeys, at visible: Position, rowBytes: Int, into found: inout FoundRows
    ) throws(HeadwaterError) {
        found.reset(count: keys.count)
        live.find(keys, at: visible, rowBytes: rowBytes, into: &found)
        for memtable in frozen { memtable.find(keys, at: visible, rowBytes: rowBytes, into: &found) }
        if let mapped { try mapped.find(keys, rowBytes: rowBytes, into: &found) }
    }
}

/// A key that will be asked for.
struct ExpectedKey {
    let hash: UInt64
    let rowBytes: Int
}

extension MapSet {
    /// Starts to load what finding these keys will touch; the caller holds a pin.
    func load(_ keys: [ExpectedKey]) {
        let maps = live.byteCount > 0 ? [live] + frozen : frozen
        for memtable in maps {
            for key in keys { memtable.stripes.slots(Stripes.index(key.hash)).prefetch(key.hash) }
        }
        mapped?.loadSlots(keys)
        for memtable in maps {
            for key in keys { memtable.loadRow(key.hash, rowBytes: key.rowBytes) }
        }
        mapped?.loadRows(keys)
    }
}

extension Memtable {
    /// Starts to load the row that the hash's first slot names, mostly the key's own.
    @inline(__always)
    fileprivate func loadRow(_ hash: UInt64, rowBytes: Int) {
        stripes.slots(Stripes.index(hash)).firstRow(hash)?.prefetch(byteCount: RowHeader.byteCount + rowBytes)
    }

    fileprivate func find(
        _ keys: borrowing EncodedKeys, at visible: Position, rowBytes: Int, into found: inout FoundRows
    ) {
        if byteCount == 0 { return }
        let visible = Sabotage.unpublishedRowsRead.isPlanted ? .max : visible
        let stripes = stripes
        let count = keys.count
        if count > 1 {
            for key in 0..<count {
                stripes.slots(Stripes.index(keys.hashes[key])).prefetch(keys.hashes[key])
            }
            for key in 0..<count { loadRow(keys.hashes[key], rowBytes: rowBytes) }
        }
        let bytes = unsafe keys.bytes.span.bytes
        for key in 0..<count where !keys.isNull(key) {
            let hash = keys.hashes[key]
            let slots = stripes.slots(Stripes.index(hash))
            guard let newest = slots.find(hash, keys.groupID, bytes.extracting(keys.range(key))),
                let row = newest.row.version(at: visible)
            else { continue }
            found.take(row, of: key)
        }
    }
}

extension SnapshotFile {
    /// The address at which the file is mapped; it stays mapped as long as `self` lives.
    private var base: UInt {
        map.withBytes(0..<map.count) { unsafe $0.withUnsafeBytes { UInt(bitPattern: $0.baseAddress!) } }
    }

    /// Starts to load the slots that a hash asks for.
    @inline(__always)
    private func loadSlot(_ hash: UInt64, _ base: UInt) {
        let slot = geometry.index.slot(hash)
        let address = base + UInt(SnapshotIndex.offset + slot * 8)
        unsafe headwater_prefetch(UnsafeRawPointer(bitPattern: address))
        // A row may stand a few slots behind.
        if slot & 7 > 4 { unsafe headwater_prefetch(UnsafeRawPointer(bitPattern: address + 64)) }
    }

    fileprivate func loadSlots(_ keys: [ExpectedKey]) {
        let base = base
        for key in keys { loadSlot(key.hash, base) }
    }

    /// Damage is left to the read itself.
    fileprivate func loadRows(_ keys: [ExpectedKey]) {
        let base = base
        map.withBytes(0..<map.count) { file in
            for key in keys {
                guard let found = try? entry(file, from: geometry.index.slot(key.hash), of: key.hash) else { continue }
                StoredRow(address: base + UInt(found.rowOffset)).prefetch(byteCount: RowHeader.byteCount + key.rowBytes)
            }
        }
    }

    /// Finds the rows of keys in the mapped file.
    ///
    /// - Throws: `.dataLoss` where a block that is touched is damaged.
    fileprivate func find(
        _ keys: borrowing EncodedKeys, rowBytes: Int, into found: inout FoundRows
    ) throws(HeadwaterError) {
        if footer.rows == 0 { return }
        let count = keys.count
        let index = geometry.index
        let base = base
        if count > 1 {
            for key in 0..<count { loadSlot(keys.hashes[key], base) }
        }
        var failure: HeadwaterError?
        map.withBytes(0..<map.count) { file in
            do throws(HeadwaterError) {
                found.entries.removeAll(keepingCapacity: true)
                for key in 0..<count {
                    let hash = keys.hashes[key]
                    guard let entry = try entry(file, from: index.slot(hash), of: hash) else {
                        found.entries.append((0, 0))
                        continue
                    }
                    found.entries.append(entry)
                    if count > 1 {
                        StoredRow(address: base + UInt(entry.rowOffset)).prefetch(byteCount: RowHeader.byteCount + rowBytes)
                    }
                }
                let bytes = unsafe keys.bytes.span.bytes
                for key in 0..<count where !keys.isNull(key) {
                    var entry = found.entries[key]
                    while entry.rowOffset != 0 {
                        let header = try rowHeader(file, at: entry.rowOffset, end: geometry.rowsEnd)
                        // The whole row is checked before its key is compared: a damaged key must not pass for another one.
                        try check(entry.rowOffset..<entry.rowOffset + header.recordCount)
                        let row = StoredRow(address: base + UInt(entry.rowOffset))
                        if row.isOf(keys.groupID, bytes.extracting(keys.range(key))) {
                            found.take(row, of: key)
                            break
                        }
                        guard let next = try self.entry(file, from: entry.slot + 1, of: keys.hashes[key]) else { break }
                        entry = next
                    }
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
