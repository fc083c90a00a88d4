// Made by `make protos` of Protos/headwater.proto: change that.
//
// Bootstraps: a history to start a new follower from.

internal import CHeadwaterProto
package import FeatureModel

/// Asks an offline service for its history, to start a new follower with.
package struct BootstrapRequest: Head {
    package var follower = ""
    /// Bytes: 16, of the log that the follower follows; empty where it is not checked.
    package var logID: [UInt8] = []

    package init() {}
}

extension BootstrapRequest {
    private static func blank() -> Headwater__V1__BootstrapRequest {
        var c = unsafe Headwater__V1__BootstrapRequest()
        unsafe headwater__v1__bootstrap_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__BootstrapRequest) throws(HeadwaterError) {
        follower = try unsafe c.follower.text(1)
        logID = unsafe c.log_id.bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__BootstrapRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(follower, &c.follower, &c.has_follower)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// A piece of one file; the body is its bytes.
package struct BootstrapData: Head {
    /// The chunk's number; 0 for the manifest.
    package var file: UInt64 = 0
    package var fileBytes: UInt64 = 0
    package var offset: UInt64 = 0
    /// CRC32C of the body.
    package var checksum: UInt32 = 0
    /// In the first frame: the position of the history.
    package var position: UInt64 = 0
    /// In the first frame: bytes of all files.
    package var totalBytes: UInt64 = 0

    package init() {}
}

extension BootstrapData {
    private static func blank() -> Headwater__V1__BootstrapData {
        var c = unsafe Headwater__V1__BootstrapData()
        unsafe headwater__v1__bootstrap_data__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__BootstrapData) throws(HeadwaterError) {
        file = unsafe c.file
        fileBytes = unsafe c.file_bytes
        offset = unsafe c.offset
        checksum = unsafe c.checksum
        position = unsafe c.position
        totalBytes = unsafe c.total_bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__BootstrapData {
        var c = unsafe Self.blank()
        unsafe arena.put(file, &c.file, &c.has_file)
        unsafe arena.put(fileBytes, &c.file_bytes, &c.has_file_bytes)
        unsafe arena.put(offset, &c.offset, &c.has_offset)
        unsafe arena.put(checksum, &c.checksum, &c.has_checksum)
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(totalBytes, &c.total_bytes, &c.has_total_bytes)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// The end of a history that went through whole.
package struct BootstrapEnd: Head {
    package var position: UInt64 = 0
    package var totalBytes: UInt64 = 0

    package init() {}
}

extension BootstrapEnd {
    private static func blank() -> Headwater__V1__BootstrapEnd {
        var c = unsafe Headwater__V1__BootstrapEnd()
        unsafe headwater__v1__bootstrap_end__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__BootstrapEnd) throws(HeadwaterError) {
        position = unsafe c.position
        totalBytes = unsafe c.total_bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__BootstrapEnd {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(totalBytes, &c.total_bytes, &c.has_total_bytes)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
