// Made by `make protos` of Protos/headwater.proto: change that.
//
// Followers: those who take the log record by record.

internal import CHeadwaterProto
package import FeatureModel

/// Asks for log records as they become durable.
package struct FollowRequest: Head {
    /// The first position wanted.
    package var fromPosition: UInt64 = 0
    package var follower = ""
    /// Bytes: 16, of the log that is followed; empty where it is not checked.
    package var logID: [UInt8] = []
    /// What the follower holds durably: the log keeps what lies behind it.
    package var durablePosition: UInt64 = 0
    /// Where the follower serves history.
    package var addresses: [String] = []

    package init() {}
}

extension FollowRequest {
    private static func blank() -> Headwater__V1__FollowRequest {
        var c = unsafe Headwater__V1__FollowRequest()
        unsafe headwater__v1__follow_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__FollowRequest) throws(HeadwaterError) {
        fromPosition = unsafe c.from_position
        follower = try unsafe c.follower.text(2)
        logID = unsafe c.log_id.bytes
        durablePosition = unsafe c.durable_position
        addresses = try unsafe ProtobufCReader.texts(c.addresses, c.n_addresses, 5)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__FollowRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(fromPosition, &c.from_position, &c.has_from_position)
        unsafe arena.put(follower, &c.follower, &c.has_follower)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        unsafe arena.put(durablePosition, &c.durable_position, &c.has_durable_position)
        unsafe arena.put(addresses, &c.addresses, &c.n_addresses)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// One run of log records; the body is `LogRecords`.
package struct FollowData: Head {
    package var durablePosition: UInt64 = 0

    package init() {}
}

extension FollowData {
    private static func blank() -> Headwater__V1__FollowData {
        var c = unsafe Headwater__V1__FollowData()
        unsafe headwater__v1__follow_data__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__FollowData) throws(HeadwaterError) {
        durablePosition = unsafe c.durable_position
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__FollowData {
        var c = unsafe Self.blank()
        unsafe arena.put(durablePosition, &c.durable_position, &c.has_durable_position)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// The end of following.
package struct FollowEnd: Head {
    package var durablePosition: UInt64 = 0

    package init() {}
}

extension FollowEnd {
    private static func blank() -> Headwater__V1__FollowEnd {
        var c = unsafe Headwater__V1__FollowEnd()
        unsafe headwater__v1__follow_end__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__FollowEnd) throws(HeadwaterError) {
        durablePosition = unsafe c.durable_position
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__FollowEnd {
        var c = unsafe Self.blank()
        unsafe arena.put(durablePosition, &c.durable_position, &c.has_durable_position)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Tells how far a follower has come.
package struct AcknowledgeRequest: Head {
    package var follower = ""
    /// The follower holds everything up to here durably.
    package var position: UInt64 = 0
    /// Bytes: 16, of the log that `position` is of; empty where it is not checked.
    package var logID: [UInt8] = []
    /// Whether the follower is registered at this position, known or not, if the log still holds what follows.
    package var register = false

    package init() {}
}

extension AcknowledgeRequest {
    private static func blank() -> Headwater__V1__AcknowledgeRequest {
        var c = unsafe Headwater__V1__AcknowledgeRequest()
        unsafe headwater__v1__acknowledge_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__AcknowledgeRequest) throws(HeadwaterError) {
        follower = try unsafe c.follower.text(1)
        position = unsafe c.position
        logID = unsafe c.log_id.bytes
        register = unsafe c.register_ != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__AcknowledgeRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(follower, &c.follower, &c.has_follower)
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        unsafe arena.put(register, &c.register_, &c.has_register_)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// How far the log has come.
package struct AcknowledgeReply: Head {
    package var durablePosition: UInt64 = 0

    package init() {}
}

extension AcknowledgeReply {
    private static func blank() -> Headwater__V1__AcknowledgeReply {
        var c = unsafe Headwater__V1__AcknowledgeReply()
        unsafe headwater__v1__acknowledge_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__AcknowledgeReply) throws(HeadwaterError) {
        durablePosition = unsafe c.durable_position
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__AcknowledgeReply {
        var c = unsafe Self.blank()
        unsafe arena.put(durablePosition, &c.durable_position, &c.has_durable_position)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Lets a follower go, so that the log need not keep its segments.
package struct ForgetRequest: Head {
    package var follower = ""

    package init() {}
}

extension ForgetRequest {
    private static func blank() -> Headwater__V1__ForgetRequest {
        var c = unsafe Headwater__V1__ForgetRequest()
        unsafe headwater__v1__forget_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ForgetRequest) throws(HeadwaterError) {
        follower = try unsafe c.follower.text(1)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ForgetRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(follower, &c.follower, &c.has_follower)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What was let go.
package struct ForgetReply: Head {
    /// The position that the forgotten follower had acknowledged.
    package var position: UInt64 = 0

    package init() {}
}

extension ForgetReply {
    private static func blank() -> Headwater__V1__ForgetReply {
        var c = unsafe Headwater__V1__ForgetReply()
        unsafe headwater__v1__forget_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ForgetReply) throws(HeadwaterError) {
        position = unsafe c.position
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ForgetReply {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
