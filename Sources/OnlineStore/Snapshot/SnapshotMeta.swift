internal import FeatureModel

/// The meta part of a snapshot: all that is not rows.
struct SnapshotMeta: Sendable {
    var groups: [GroupID: GroupState] = [:]
    var statistics: [GroupID: GroupStatistics] = [:]
    var extra: [UInt8] = []

    func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        let ids = groups.keys.sorted()
        let schemas = ids.flatMap { groups[$0]!.schemas }
        bytes.append(littleEndian: UInt32(schemas.count))
        for schema in schemas { Self.append(schema, to: &bytes) }
        let cutoffs = ids.filter { groups[$0]!.cutoff != .min }
        bytes.append(littleEndian: UInt32(cutoffs.count))
        for id in cutoffs {
            bytes.append(littleEndian: id)
            bytes.append(littleEndian: groups[id]!.cutoff)
        }
        bytes.append(littleEndian: UInt32(statistics.count))
        for (id, counts) in statistics.sorted(by: { $0.key < $1.key }) {
            bytes.append(littleEndian: id)
            bytes.append(littleEndian: UInt64(counts.rows))
            bytes.append(littleEndian: UInt64(counts.tombstones))
            bytes.append(littleEndian: UInt64(counts.bytes))
        }
        bytes.append(littleEndian: UInt64(extra.count))
        bytes.append(contentsOf: extra)
        return bytes
    }

    init() {}

    /// - Throws: `.dataLoss` where the bytes do not decode, `.unimplemented` for a type that this version does not know.
    init(decoding bytes: [UInt8]) throws(HeadwaterError) {
        var reader = MetaReader(bytes)
        for _ in 0..<(try reader.number(UInt32.self)) {
            let schema = try Self.schema(&reader)
            _ = groups[schema.groupID, default: GroupState()].add(schema)
        }
        for _ in 0..<(try reader.number(UInt32.self)) {
            let id = try reader.number(GroupID.self)
            groups[id, default: GroupState()].raise(cutoff: try reader.number())
        }
        for _ in 0..<(try reader.number(UInt32.self)) {
            let id = try reader.number(GroupID.self)
            var counts = GroupStatistics()
            counts.rows = try reader.size()
            counts.tombstones = try reader.size()
            counts.bytes = try reader.size()
            statistics[id] = counts
        }
        extra = Array(try reader.bytes(try reader.size()))
        guard reader.isAtEnd else { throw MetaReader.malformed }
    }

    private static func append(_ schema: GroupSchema, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: schema.groupID)
        bytes.append(littleEndian: schema.schemaVersion)
        bytes.append(littleEndian: UInt16(schema.keys.count))
        bytes.append(littleEndian: UInt16(schema.features.count))
        bytes.append(littleEndian: UInt32((schema.isStatic ? 0 : 1) | (schema.availableTimeName == nil ? 0 : 2)))
        for column in schema.columns {
            bytes.append(littleEndian: UInt16(column.name.utf8.count))
            bytes.append(contentsOf: column.name.utf8)
            column.type.appendDescriptor(to: &bytes)
        }
    }

    private static func schema(_ reader: inout MetaReader) throws(HeadwaterError) -> GroupSchema {
        let groupID = try reader.number(GroupID.self)
        let version = try reader.number(UInt32.self)
        let keyCount = Int(try reader.number(UInt16.self))
        let featureCount = Int(try reader.number(UInt16.self))
        let flags = try reader.number(UInt32.self)
        let keys = try reader.fields(keyCount)
        let eventTime = flags & 1 == 0 ? nil : try reader.fields(1)[0].name
        let availableTime = flags & 2 == 0 ? nil : try reader.fields(1)[0].name
        return GroupSchema(
            groupID: groupID, schemaVersion: version, keys: keys, eventTimeName: eventTime, availableTimeName: availableTime,
            features: try reader.fields(featureCount))
    }
}

/// Reads the meta part from front to back; never beyond its end.
struct MetaReader {
    static let malformed = HeadwaterError(
        .dataLoss, "the snapshot's schemas, cutoffs or counts do not decode; move it away and rebuild the online store")

    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) throws(HeadwaterError) -> T {
        try bytes(MemoryLayout<T>.size).littleEndian(at: 0)
    }

    mutating func size() throws(HeadwaterError) -> Int {
        guard let size = Int(exactly: try number(UInt64.self)) else { throw Self.malformed }
        return size
    }

    mutating func bytes(_ count: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Self.malformed }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func fields(_ count: Int) throws(HeadwaterError) -> [Field] {
        var fields: [Field] = []
        for _ in 0..<count {
            let name = try bytes(Int(try number(UInt16.self)))
            let type = try FeatureType(descriptorIn: try bytes(FeatureType.descriptorBytes), at: 0)
            fields.append(Field(String(decoding: name, as: UTF8.self), type))
        }
        return fields
    }
}
