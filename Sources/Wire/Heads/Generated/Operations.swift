// Made by `make protos` of Protos/headwater.proto: change that.
//
// Operations: what those who run a server ask of it.

internal import CHeadwaterProto
package import FeatureModel

/// Asks how the server does.
package struct StatusRequest: Head {
    package var project = ""

    package init() {}
}

extension StatusRequest {
    private static func blank() -> Headwater__V1__StatusRequest {
        var c = unsafe Headwater__V1__StatusRequest()
        unsafe headwater__v1__status_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__StatusRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__StatusRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for a report of the server; the answer is a `JSONReply` with the report as JSON.
package struct ReportRequest: Head {
    /// `clients` or `slow`.
    package var name = ""

    package init() {}
}

extension ReportRequest {
    private static func blank() -> Headwater__V1__ReportRequest {
        var c = unsafe Headwater__V1__ReportRequest()
        unsafe headwater__v1__report_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ReportRequest) throws(HeadwaterError) {
        name = try unsafe c.name.text(1)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ReportRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(name, &c.name, &c.has_name)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for a snapshot of the online store.
package struct SnapshotRequest: Head {
    package init() {}
}

extension SnapshotRequest {
    private static func blank() -> Headwater__V1__SnapshotRequest {
        var c = unsafe Headwater__V1__SnapshotRequest()
        unsafe headwater__v1__snapshot_request__init(&c)
        return unsafe c
    }

    init(reading _: Headwater__V1__SnapshotRequest) throws(HeadwaterError) {}

    func message(in _: ProtobufCArena) -> Headwater__V1__SnapshotRequest {
        unsafe Self.blank()
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// The snapshot taken.
package struct SnapshotReply: Head {
    package var position: UInt64 = 0
    package var rows: UInt64 = 0
    package var bytes: UInt64 = 0

    package init() {}
}

extension SnapshotReply {
    private static func blank() -> Headwater__V1__SnapshotReply {
        var c = unsafe Headwater__V1__SnapshotReply()
        unsafe headwater__v1__snapshot_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__SnapshotReply) throws(HeadwaterError) {
        position = unsafe c.position
        rows = unsafe c.rows
        bytes = unsafe c.bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__SnapshotReply {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(rows, &c.rows, &c.has_rows)
        unsafe arena.put(bytes, &c.bytes, &c.has_bytes)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for a compaction.
package struct CompactRequest: Head {
    package var project = ""
    /// The group that is compacted. Absent: all groups.
    package var group: String?

    package init() {}
}

extension CompactRequest {
    private static func blank() -> Headwater__V1__CompactRequest {
        var c = unsafe Headwater__V1__CompactRequest()
        unsafe headwater__v1__compact_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__CompactRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        group = try unsafe c.has_group == 0 ? nil : c.group.text(2)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__CompactRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(group, &c.group, &c.has_group)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What a compaction did.
package struct CompactReply: Head {
    package var position: UInt64 = 0
    package var chunksBefore: UInt64 = 0
    package var chunksAfter: UInt64 = 0
    package var bytesBefore: UInt64 = 0
    package var bytesAfter: UInt64 = 0

    package init() {}
}

extension CompactReply {
    private static func blank() -> Headwater__V1__CompactReply {
        var c = unsafe Headwater__V1__CompactReply()
        unsafe headwater__v1__compact_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__CompactReply) throws(HeadwaterError) {
        position = unsafe c.position
        chunksBefore = unsafe c.chunks_before
        chunksAfter = unsafe c.chunks_after
        bytesBefore = unsafe c.bytes_before
        bytesAfter = unsafe c.bytes_after
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__CompactReply {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(chunksBefore, &c.chunks_before, &c.has_chunks_before)
        unsafe arena.put(chunksAfter, &c.chunks_after, &c.has_chunks_after)
        unsafe arena.put(bytesBefore, &c.bytes_before, &c.has_bytes_before)
        unsafe arena.put(bytesAfter, &c.bytes_after, &c.has_bytes_after)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Tells the owner of the log that its wall clock is right.
package struct AcceptClockRequest: Head {
    package init() {}
}

extension AcceptClockRequest {
    private static func blank() -> Headwater__V1__AcceptClockRequest {
        var c = unsafe Headwater__V1__AcceptClockRequest()
        unsafe headwater__v1__accept_clock_request__init(&c)
        return unsafe c
    }

    init(reading _: Headwater__V1__AcceptClockRequest) throws(HeadwaterError) {}

    func message(in _: ProtobufCArena) -> Headwater__V1__AcceptClockRequest {
        unsafe Self.blank()
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What that changed.
package struct AcceptClockReply: Head {
    /// How far the wall clock was ahead of trusted time, in microseconds; negative where it was behind.
    package var ahead: Int64 = 0
    /// Trusted time from now on, in microseconds since 1970 UTC.
    package var now: Int64 = 0

    package init() {}
}

extension AcceptClockReply {
    private static func blank() -> Headwater__V1__AcceptClockReply {
        var c = unsafe Headwater__V1__AcceptClockReply()
        unsafe headwater__v1__accept_clock_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__AcceptClockReply) throws(HeadwaterError) {
        ahead = unsafe c.ahead
        now = unsafe c.now
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__AcceptClockReply {
        var c = unsafe Self.blank()
        unsafe arena.put(ahead, &c.ahead, &c.has_ahead)
        unsafe arena.put(now, &c.now, &c.has_now)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
