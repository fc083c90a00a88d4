/// How the compact body of one row lies: the same for every row of a stream. It is worked out once, and
/// the rows then go from their bytes into the map without columns in between.
///
/// There is one for a written row whose cells are of fixed width or bools, null features among them.
public final class SingleRowPlan: Sendable {
    /// Bytes that go as they are from the body into a packed row.
    private struct Copy {
        let from: Int
        let to: Int
        var count: Int
    }

    public let schema: GroupSchema
    /// The body up to its cells: that of every body which the plan reads.
    private let head: [UInt8]
    private let bodyBytes: Int
    private let keys: [(from: Int, type: FeatureType)]
    private let eventTime: Int?
    private let copies: [Copy]
    private let bools: [(from: Int, to: Int)]
    /// Where the validity bytes of null cells stand.
    private let nulls: [Int]
    /// Null bits and zeros: the packed row before its cells come in.
    private let empty: [UInt8]

    /// - Parameter schema: of a group and a version, where they are known.
    /// - Returns: `nil` for a body of another form, which is read as any other.
    public init?(_ body: ArraySlice<UInt8>, schema find: (GroupID, UInt32) -> GroupSchema?) {
        guard let (entry, cells) = CompactBody.singleWrite(body), let schema = find(entry.groupID, entry.schemaVersion) else {
            return nil
        }
        let layout = RowLayout(types: schema.features.map(\.type))
        var empty = [UInt8](repeating: 0, count: layout.fixedBytes)
        for index in schema.features.indices { empty[index >> 3] |= 1 << UInt8(index & 7) }
        var keys: [(from: Int, type: FeatureType)] = []
        var eventTime: Int?
        var (copies, bools, nulls): ([Copy], [(from: Int, to: Int)], [Int]) = ([], [], [])
        var place = cells
        for (ordinal, column) in zip(entry.ordinals, entry.columns) {
            guard ordinal < schema.columnCount, column.type == schema.type(ofOrdinal: ordinal) else { return nil }
            guard let width = column.type == .bool ? 1 : column.type.fixedWidth else { return nil }
            let from = column.hasNulls ? place + 1 : place
            if column.hasNulls { nulls.append(place) }
            place = from + width
            if ordinal < schema.keys.count || ordinal == schema.eventTimeOrdinal {
                guard !column.hasNulls else { return nil }
                if ordinal == schema.eventTimeOrdinal { eventTime = from } else { keys.append((from, column.type)) }
            }
            guard ordinal >= schema.featureBase, !column.hasNulls else { continue }
            let index = ordinal - schema.featureBase
            empty[index >> 3] &= ~(1 << UInt8(index & 7))
            let to = layout.slots[index]
            if column.type == .bool {
                bools.append((from, to))
            } else if let last = copies.last, last.from + last.count == from, last.to + last.count == to {
                copies[copies.count - 1].count += width
            } else {
                copies.append(Copy(from: from, to: to, count: width))
            }
        }
        guard place == body.count, keys.count == schema.keys.count, (eventTime == nil) == schema.isStatic else { return nil }
        self.schema = schema
        head = Array(body.prefix(cells))
        bodyBytes = place
        self.keys = keys
        self.eventTime = eventTime
        self.copies = copies
        self.bools = bools
        self.nulls = nulls
        self.empty = empty
    }

    /// The row of a body that lies as this plan says; `nil` for any other.
    public func row(_ body: ArraySlice<UInt8>) -> SingleRow? {
        guard body.count == bodyBytes, body.starts(with: head) else { return nil }
        for place in nulls where body.bit(place * 8) { return nil }
        return SingleRow(plan: self, body: body)
    }

    fileprivate func eventTime(_ body: ArraySlice<UInt8>) -> Microseconds {
        eventTime.map { body.littleEndian(at: $0) } ?? EventTime.always
    }

    fileprivate func appendKey(_ body: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        for (from, type) in keys {
            if type == .int32 {
                KeyCodec.append(int32: body.littleEndian(at: from), to: &bytes)
            } else {
                KeyCodec.append(int64: body.littleEndian(at: from), to: &bytes)
            }
        }
    }

    fileprivate func appendFeatures(_ body: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: empty)
        for copy in copies {
            let target = start + copy.to
            bytes.replaceSubrange(target..<target + copy.count, with: body.part(at: copy.from, count: copy.count))
        }
        for (from, to) in bools where body.bit(from * 8) { bytes[start + to] = 1 }
    }
}

/// One row that a compact body holds, and how it lies there.
public struct SingleRow: Sendable {
    public let plan: SingleRowPlan
    public let body: ArraySlice<UInt8>

    fileprivate init(plan: SingleRowPlan, body: ArraySlice<UInt8>) {
        self.plan = plan
        self.body = body
    }

    public var schema: GroupSchema { plan.schema }
    /// `EventTime.always` in a static table.
    public var eventTime: Microseconds { plan.eventTime(body) }

    /// Appends the row's key, as `KeyCodec` encodes it.
    public func appendKey(to bytes: inout [UInt8]) { plan.appendKey(body, to: &bytes) }

    /// Appends the row's features, as `RowCodec` packs them by its schema version's layout.
    public func appendFeatures(to bytes: inout [UInt8]) { plan.appendFeatures(body, to: &bytes) }

    /// The row as an entry of columns.
    public var entry: AppliedEntry {
        guard let entry = try? RecordBody.decode(body).first else { preconditionFailure("a plan reads bodies that decode") }
        return AppliedEntry(schema: schema, operation: entry.operation, batch: entry.batch, firstRow: 0)
    }
}
