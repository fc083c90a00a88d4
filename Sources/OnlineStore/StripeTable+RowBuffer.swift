internal import FeatureModel

/// One row record on its own: header, key bytes, packed features, padding.
///
/// Readers copy a row out of a stripe or a snapshot into one of these and decode it there, so no lock is held meanwhile.
struct RowBuffer: Sendable {
    private(set) var bytes: [UInt8] = []

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
    mutating func assign(_ record: RawSpan) {
        bytes.removeAll(keepingCapacity: true)
        // The array copies the span's bytes before the closure returns.
        unsafe record.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Builds the record of row `row` of a batch.
    ///
    /// - Parameter features: the packed features, this row's among them; `nil` for a tombstone.
    mutating func build(
        keys: borrowing EncodedKeys, row: Int, order: RowOrder, ingestTime: Microseconds, schemaVersion: UInt32,
        features: PackedRows?
    ) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: repeatElement(0, count: RowHeader.byteCount))
        let key = keys.range(row)
        bytes.append(contentsOf: keys.bytes[key])
        let packedAt = bytes.count
        features?.append(row: row, to: &bytes)
        let header = RowHeader(
            hash: keys.hashes[row], order: order, ingestTime: ingestTime, schemaVersion: schemaVersion, groupID: keys.groupID,
            keyCount: key.count, isTombstone: features == nil, packedCount: bytes.count - packedAt)
        bytes.pad(to: 8)
        header.store(in: &bytes)
    }

    /// Appends features of the row to builders, and their statuses.
    ///
    /// - Parameter plan: for each builder, which feature of the row's layout it takes, if the row has it.
    func appendFeatures(_ plan: RowPlan, to builders: inout [ColumnBuilder], _ statuses: inout [StatusColumn]) {
        let packed = unsafe bytes.span.bytes.extracting(packedRange)
        for (column, feature) in plan.features.enumerated() {
            if let feature, !RowCodec.isNull(packed, feature) {
                RowCodec.append(packed, feature, layout: plan.layout, to: &builders[column])
                statuses[column].append(.present)
            } else {
                builders[column].appendNull()
                statuses[column].append(.nullValue)
            }
        }
    }

    /// Compares two rows by (hash, group id, key): negative where this one comes first, 0 for the same key.
    func keyOrder(_ other: borrowing RowBuffer) -> Int {
        let (mine, others) = (header, other.header)
        if mine.hash != others.hash { return mine.hash < others.hash ? -1 : 1 }
        if mine.groupID != others.groupID { return mine.groupID < others.groupID ? -1 : 1 }
        return unsafe compare(bytes.span.bytes.extracting(keyRange), other.bytes.span.bytes.extracting(other.keyRange))
    }
}
