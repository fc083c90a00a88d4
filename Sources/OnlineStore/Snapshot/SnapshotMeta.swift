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

    private static let malformed = HeadwaterError(
        .dataLoss, "the snapshot's schemas, cutoffs or counts do not decode; move it away and rebuild the online store")

    init() {}

    /// - Throws: `.dataLoss` where the bytes do not decode, `.unimplemented` for a type that this version does not know.
    init(decoding bytes: [UInt8]) throws(HeadwaterError) {
        var reader = ByteReader(bytes[...], cutOff: Self.malformed)
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let schema = try Self.schema(&reader)
            _ = groups[schema.groupID, default: GroupState()].add(schema)
        }
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let id = try reader.integer(GroupID.self)
            groups[id, default: GroupState()].raise(cutoff: try reader.integer())
        }
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let id = try reader.integer(GroupID.self)
            var counts = GroupStatistics()
            counts.rows = try reader.count()
            counts.tombstones = try reader.count()
            counts.bytes = try reader.count()
            statistics[id] = counts
        }
        extra = Array(try reader.bytes(try reader.count()))
        guard reader.isAtEnd else { throw Self.malformed }
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

    private static func schema(_ reader: inout ByteReader) throws(HeadwaterError) -> GroupSchema {
        let groupID = try reader.integer(GroupID.self)
        let version = try reader.integer(UInt32.self)
        let keyCount = Int(try reader.integer(UInt16.self))
        let featureCount = Int(try reader.integer(UInt16.self))
        let flags = try reader.integer(UInt32.self)
        let keys = try reader.fields(keyCount)
        let eventTime = flags & 1 == 0 ? nil : try reader.fields(1)[0].name
        let availableTime = flags & 2 == 0 ? nil : try reader.fields(1)[0].name
        return GroupSchema(
            groupID: groupID, schemaVersion: version, keys: keys, eventTimeName: eventTime, availableTimeName: availableTime,
            features: try reader.fields(featureCount))
    }
}

extension ByteReader {
    fileprivate mutating func fields(_ count: Int) throws(HeadwaterError) -> [Field] {
        var fields: [Field] = []
        for _ in 0..<count {
            let name = try bytes(Int(try integer(UInt16.self)))
            let type = try FeatureType(descriptorIn: try bytes(FeatureType.descriptorBytes), at: 0)
            fields.append(Field(String(decoding: name, as: UTF8.self), type))
        }
        return fields
    }
}
