// Made by `make protos` of Protos/headwater.proto: change that.
//
// Audits: whether the stores agree.

internal import CHeadwaterProto
package import FeatureModel

/// Asks whether the stores agree; the answer is a stream of progress that ends with the report.
package struct AuditRequest: Head {
    /// Empty for all projects.
    package var project = ""
    package var minPosition: UInt64 = 0
    /// Bytes: 16, of the log that `minPosition` is of; empty where it is not checked.
    package var logID: [UInt8] = []

    package init() {}
}

extension AuditRequest {
    private static func blank() -> Headwater__V1__AuditRequest {
        var c = unsafe Headwater__V1__AuditRequest()
        unsafe headwater__v1__audit_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__AuditRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        minPosition = unsafe c.min_position
        logID = unsafe c.log_id.bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__AuditRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(minPosition, &c.min_position, &c.has_min_position)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// A part of the hash space of keys, cut into buckets.
package struct HashScope: Head {
    /// Of the audit: all its hashes start from it.
    package var seed: UInt64 = 0
    /// How many of a hash's first bits name a part.
    package var prefixBits: UInt32 = 0
    /// Each part is cut into `1 << splitBits` buckets.
    package var splitBits: UInt32 = 0
    /// The parts: all hashes whose first bits are one of these.
    package var prefixes: [UInt32] = []

    package init() {}
}

extension HashScope {
    private static func blank() -> Headwater__V1__HashScope {
        var c = unsafe Headwater__V1__HashScope()
        unsafe headwater__v1__hash_scope__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__HashScope) throws(HeadwaterError) {
        seed = unsafe c.seed
        prefixBits = unsafe c.prefix_bits
        splitBits = unsafe c.split_bits
        prefixes = unsafe ProtobufCReader.integers(c.prefixes, c.n_prefixes)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__HashScope {
        var c = unsafe Self.blank()
        unsafe arena.put(seed, &c.seed, &c.has_seed)
        unsafe arena.put(prefixBits, &c.prefix_bits, &c.has_prefix_bits)
        unsafe arena.put(splitBits, &c.split_bits, &c.has_split_bits)
        unsafe arena.put(prefixes, &c.prefixes, &c.n_prefixes)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for digests of the latest rows, by hash bucket.
package struct AuditDigestRequest: Head {
    /// The cut is taken when at least this is applied; with `isSameCut` it is one that an earlier request took.
    package var position: UInt64 = 0
    /// 0 for all groups.
    package var groupID: UInt32 = 0
    /// The buckets that are asked for. Absent: the request is refused.
    package var scope: HashScope?
    package var isSameCut = false

    package init() {}
}

extension AuditDigestRequest {
    private static func blank() -> Headwater__V1__AuditDigestRequest {
        var c = unsafe Headwater__V1__AuditDigestRequest()
        unsafe headwater__v1__audit_digest_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__AuditDigestRequest) throws(HeadwaterError) {
        position = unsafe c.position
        groupID = unsafe c.group_id
        scope = try unsafe ProtobufCReader.head(c.scope, HashScope.init(reading:))
        isSameCut = unsafe c.is_same_cut != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__AuditDigestRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(groupID, &c.group_id, &c.has_group_id)
        unsafe arena.put(scope.map { unsafe $0.message(in: arena) }, &c.scope)
        unsafe arena.put(isSameCut, &c.is_same_cut, &c.has_is_same_cut)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// The position that the digests in the body are of.
package struct AuditDigestReply: Head {
    package var position: UInt64 = 0

    package init() {}
}

extension AuditDigestReply {
    private static func blank() -> Headwater__V1__AuditDigestReply {
        var c = unsafe Headwater__V1__AuditDigestReply()
        unsafe headwater__v1__audit_digest_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__AuditDigestReply) throws(HeadwaterError) {
        position = unsafe c.position
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__AuditDigestReply {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for the latest rows of a part of the hash space.
package struct AuditRowsRequest: Head {
    package var position: UInt64 = 0
    package var groupID: UInt32 = 0
    /// The part that is asked for. Absent: the request is refused.
    package var scope: HashScope?

    package init() {}
}

extension AuditRowsRequest {
    private static func blank() -> Headwater__V1__AuditRowsRequest {
        var c = unsafe Headwater__V1__AuditRowsRequest()
        unsafe headwater__v1__audit_rows_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__AuditRowsRequest) throws(HeadwaterError) {
        position = unsafe c.position
        groupID = unsafe c.group_id
        scope = try unsafe ProtobufCReader.head(c.scope, HashScope.init(reading:))
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__AuditRowsRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(groupID, &c.group_id, &c.has_group_id)
        unsafe arena.put(scope.map { unsafe $0.message(in: arena) }, &c.scope)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
