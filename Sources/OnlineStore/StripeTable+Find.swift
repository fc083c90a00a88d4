internal import CPrefetch
internal import FeatureModel
internal import StorageIO

/// Where the latest rows of keys stand: one for each key, an address of 0 where there is none. Keeps its memory from use to use.
struct FoundRows {
    private(set) var rows: [StoredRow] = []
    /// Where the rows of each key's bucket start and end, while a snapshot is asked.
    fileprivate var buckets: [(start: Int, end: Int)] = []

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

extension Tables {
    /// Finds the latest row of each key as of position `visible`, of which the caller holds a pin.
    ///
    /// Every map is asked: a late row may lie in the live one while an older map holds a newer row. Each is asked for all keys at once, in
    /// three passes, so that the waits for memory overlap: where to look, what to look at, looking.
    /// - Parameter rowBytes: about how large a row's key and features are.
    /// - Complexity: O(keys × maps).
    /// - Throws: `.dataLoss` where the snapshot is damaged.
    func find(
        _ keys: borrowing EncodedKeys, at visible: Position, rowBytes: Int, into found: inout FoundRows
    ) throws(HeadwaterError) {
        found.reset(count: keys.count)
        live.find(keys, at: visible, rowBytes: rowBytes, into: &found)
        for generation in frozen { generation.find(keys, at: visible, rowBytes: rowBytes, into: &found) }
        if let mapped { try mapped.find(keys, rowBytes: rowBytes, into: &found) }
    }
}

extension Generation {
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
            for key in 0..<count {
                let hash = keys.hashes[key]
                let slots = stripes.slots(Stripes.index(hash))
                if slots.word == 0 { continue }
                let slot = slots[slots.index(hash)]
                guard slot != 0, slot & ~Slots.addressMask == Slots.tag(hash) else { continue }
                StoredRow(address: slot & Slots.addressMask).prefetch(byteCount: RowHeader.byteCount + rowBytes)
            }
        }
        let bytes = unsafe keys.bytes.span.bytes
        for key in 0..<count where !keys.isNull(key) {
            let hash = keys.hashes[key]
            let slots = stripes.slots(Stripes.index(hash))
            guard let newest = slots.find(hash, keys.groupID, unsafe bytes.extracting(keys.range(key))),
                let row = newest.row.version(at: visible)
            else { continue }
            found.take(row, of: key)
        }
    }
}

extension SnapshotFile {
    /// Finds the rows of keys in the mapped file.
    ///
    /// - Throws: `.dataLoss` where a block that is touched is damaged.
    fileprivate func find(
        _ keys: borrowing EncodedKeys, rowBytes: Int, into found: inout FoundRows
    ) throws(HeadwaterError) {
        if footer.rows == 0 { return }
        let count = keys.count
        let geometry = geometry
        let directory = geometry.directoryOffset
        var failure: HeadwaterError?
        map.withBytes(0..<map.count) { file in
            let base = unsafe file.withUnsafeBytes { unsafe UInt(bitPattern: $0.baseAddress!) }
            if count > 1 {
                for key in 0..<count {
                    let entry = directory + SnapshotFormat.bucket(keys.hashes[key], bits: geometry.directoryBits) * 8
                    unsafe headwater_prefetch(UnsafeRawPointer(bitPattern: base + UInt(entry)))
                }
            }
            do throws(HeadwaterError) {
                found.buckets.removeAll(keepingCapacity: true)
                for key in 0..<count {
                    let bucket = try bucket(file, SnapshotFormat.bucket(keys.hashes[key], bits: geometry.directoryBits))
                    found.buckets.append(bucket)
                    if count > 1, bucket.start < bucket.end {
                        StoredRow(address: base + UInt(bucket.start)).prefetch(byteCount: RowHeader.byteCount + rowBytes)
                    }
                }
                let bytes = unsafe keys.bytes.span.bytes
                for key in 0..<count where !keys.isNull(key) {
                    let wanted = unsafe bytes.extracting(keys.range(key))
                    let end = found.buckets[key].end
                    var offset = found.buckets[key].start
                    while offset < end {
                        let header = try rowHeader(file, at: offset, end: end)
                        let row = StoredRow(address: base + UInt(offset))
                        if row.isOf(keys.groupID, wanted) {
                            try check(offset..<offset + header.recordCount)
                            found.take(row, of: key)
                            break
                        }
                        offset += header.recordCount
                    }
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
