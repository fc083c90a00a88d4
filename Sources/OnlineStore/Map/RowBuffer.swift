internal import FeatureModel

/// One row record on its own, with its hash: header, key bytes, packed features, padding.
///
/// Rows are built in one of these before they go into a map or a snapshot, and walks over a store copy rows into one.
struct RowBuffer: Sendable {
    private(set) var bytes: [UInt8] = []
    /// The hash of group id and key, under the store's seed.
    private(set) var hash: UInt64 = 0

    var isEmpty: Bool { bytes.isEmpty }

    /// Traps where the buffer is empty.
    var header: RowHeader { unsafe RowHeader(bytes.span.bytes, at: 0) }

    var keyRange: Range<Int> { RowHeader.byteCount..<RowHeader.byteCount + header.keyCount }

    var packedRange: Range<Int> {
        let header = header
        let start = RowHeader.byteCount + header.keyCount
        return start..<start + header.packedCount
    }

    mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// Takes over a copy of one whole record.
    mutating func assign(_ record: RawSpan, hash: UInt64) {
        bytes.removeAll(keepingCapacity: true)
        // The array copies the span's bytes before the closure returns.
        unsafe record.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        self.hash = hash
    }

    /// Builds the record of row `row` of a batch.
    ///
    /// - Parameter features: the packed features, this row's among them; `nil` for a tombstone.
    mutating func build(keys: borrowing EncodedKeys, row: Int, order: RowOrder, schemaVersion: UInt32, features: PackedRows?) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: repeatElement(0, count: RowHeader.byteCount))
        let key = keys.range(row)
        bytes.append(contentsOf: keys.bytes[key])
        let packedAt = bytes.count
        features?.append(row: row, to: &bytes)
        let header = RowHeader(
            order: order, schemaVersion: schemaVersion, groupID: keys.groupID, keyCount: key.count, isTombstone: features == nil,
            packedCount: bytes.count - packedAt)
        bytes.pad(to: 8)
        header.store(in: &bytes)
        hash = keys.hashes[row]
    }

    /// Builds the record of a row by its plan.
    mutating func build(_ row: SingleRow, order: RowOrder, seed: UInt64) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: repeatElement(0, count: RowHeader.byteCount))
        row.appendKey(to: &bytes)
        let packedAt = bytes.count
        let groupID = row.schema.groupID
        hash = unsafe KeyHash.hash(groupID, bytes.span.bytes.extracting(RowHeader.byteCount..<packedAt), seed: seed)
        row.appendFeatures(to: &bytes)
        let header = RowHeader(
            order: order, schemaVersion: row.schema.schemaVersion, groupID: groupID, keyCount: packedAt - RowHeader.byteCount,
            isTombstone: false, packedCount: bytes.count - packedAt)
        bytes.pad(to: 8)
        header.store(in: &bytes)
    }

    /// Builds a record from the parts of another format.
    mutating func build(header: RowHeader, key: RawSpan, packed: RawSpan, hash: UInt64) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: repeatElement(0, count: RowHeader.byteCount))
        // The array copies the spans' bytes before the closures return.
        unsafe key.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        unsafe packed.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        bytes.pad(to: 8)
        header.store(in: &bytes)
        self.hash = hash
    }

    /// Appends features of the row to builders.
    ///
    /// - Parameter version: the row's: which of its features each builder takes, if it has it.
    func appendFeatures(_ version: CompiledVersion, to builders: inout [ColumnBuilder]) {
        let packed = unsafe bytes.span.bytes.extracting(packedRange)
        for (column, place) in version.places.enumerated() {
            if place.index >= 0 {
                RowCodec.append(packed, place.index, layout: version.layout, to: &builders[column])
            } else {
                builders[column].appendNull()
            }
        }
    }

    /// Compares two rows by (hash, group id, key): negative where this one comes first, 0 for the same key.
    func keyOrder(_ other: borrowing RowBuffer) -> Int {
        if hash != other.hash { return hash < other.hash ? -1 : 1 }
        let (mine, others) = (header.groupID, other.header.groupID)
        if mine != others { return mine < others ? -1 : 1 }
        return unsafe compare(bytes.span.bytes.extracting(keyRange), other.bytes.span.bytes.extracting(other.keyRange))
    }
}

/// Compares two runs of bytes as `memcmp` does; a prefix comes first.
func compare(_ left: RawSpan, _ right: RawSpan) -> Int {
    for offset in 0..<min(left.byteCount, right.byteCount) {
        let (a, b): (UInt8, UInt8) = (left.littleEndian(at: offset), right.littleEndian(at: offset))
        if a != b { return a < b ? -1 : 1 }
    }
    return left.byteCount - right.byteCount
}
