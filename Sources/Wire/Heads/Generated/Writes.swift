// Made by `make protos` of Protos/headwater.proto: change that.
//
// Writes: rows and tombstones, and the sessions that make retries safe.

internal import CHeadwaterProto
package import FeatureModel

/// Rows and tombstones to write; the body is a `RecordBody`.
package struct WriteRequest: Head {
    package var project = ""
    /// The session's number; 0 where there is none, so that a retry is a second write.
    package var producer: UInt64 = 0
    package var epoch: UInt32 = 0
    package var sequence: UInt64 = 0
    /// The catalog that the client encoded against. Absent: it is not checked.
    package var catalogVersion: UInt64?

    package init() {}
}

extension WriteRequest {
    private static func blank() -> Headwater__V1__WriteRequest {
        var c = unsafe Headwater__V1__WriteRequest()
        unsafe headwater__v1__write_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__WriteRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        producer = unsafe c.producer
        epoch = unsafe c.epoch
        sequence = unsafe c.sequence
        catalogVersion = unsafe c.has_catalog_version == 0 ? nil : c.catalog_version
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__WriteRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(producer, &c.producer, &c.has_producer)
        unsafe arena.put(epoch, &c.epoch, &c.has_epoch)
        unsafe arena.put(sequence, &c.sequence, &c.has_sequence)
        unsafe arena.put(catalogVersion, &c.catalog_version, &c.has_catalog_version)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What a write did.
package struct WriteReply: Head {
    package var position: UInt64 = 0
    package var ingestTime: Int64 = 0
    /// Rows of each entry, in order.
    package var rowCounts: [UInt32] = []
    /// Deleted keys for which a newer row wins; the row numbers of the first 64 are the body, u32 each.
    package var keysWithNewerRows: UInt64 = 0
    /// Whether the write had been applied before, and this is its first answer.
    package var duplicate = false
    /// Rows older than the group's retention cutoff: taken, and never read.
    package var rowsBelowCutoff: UInt64 = 0
    /// Written rows that are older than their key's tombstone: taken into history, and not served.
    package var rowsBehindTombstone: UInt64 = 0

    package init() {}
}

extension WriteReply {
    private static func blank() -> Headwater__V1__WriteReply {
        var c = unsafe Headwater__V1__WriteReply()
        unsafe headwater__v1__write_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__WriteReply) throws(HeadwaterError) {
        position = unsafe c.position
        ingestTime = unsafe c.ingest_time
        rowCounts = unsafe ProtobufCReader.integers(c.row_counts, c.n_row_counts)
        keysWithNewerRows = unsafe c.keys_with_newer_rows
        duplicate = unsafe c.duplicate != 0
        rowsBelowCutoff = unsafe c.rows_below_cutoff
        rowsBehindTombstone = unsafe c.rows_behind_tombstone
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__WriteReply {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(ingestTime, &c.ingest_time, &c.has_ingest_time)
        unsafe arena.put(rowCounts, &c.row_counts, &c.n_row_counts)
        unsafe arena.put(keysWithNewerRows, &c.keys_with_newer_rows, &c.has_keys_with_newer_rows)
        unsafe arena.put(duplicate, &c.duplicate, &c.has_duplicate)
        unsafe arena.put(rowsBelowCutoff, &c.rows_below_cutoff, &c.has_rows_below_cutoff)
        unsafe arena.put(rowsBehindTombstone, &c.rows_behind_tombstone, &c.has_rows_behind_tombstone)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for a session in which retries are safe.
package struct OpenProducerRequest: Head {
    package var project = ""
    package var name = ""

    package init() {}
}

extension OpenProducerRequest {
    private static func blank() -> Headwater__V1__OpenProducerRequest {
        var c = unsafe Headwater__V1__OpenProducerRequest()
        unsafe headwater__v1__open_producer_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__OpenProducerRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        name = try unsafe c.name.text(2)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__OpenProducerRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(name, &c.name, &c.has_name)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// A new session.
package struct OpenProducerReply: Head {
    package var producer: UInt64 = 0
    package var epoch: UInt32 = 0
    /// Bytes: 16, of the log that the session is in.
    package var logID: [UInt8] = []

    package init() {}
}

extension OpenProducerReply {
    private static func blank() -> Headwater__V1__OpenProducerReply {
        var c = unsafe Headwater__V1__OpenProducerReply()
        unsafe headwater__v1__open_producer_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__OpenProducerReply) throws(HeadwaterError) {
        producer = unsafe c.producer
        epoch = unsafe c.epoch
        logID = unsafe c.log_id.bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__OpenProducerReply {
        var c = unsafe Self.blank()
        unsafe arena.put(producer, &c.producer, &c.has_producer)
        unsafe arena.put(epoch, &c.epoch, &c.has_epoch)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
