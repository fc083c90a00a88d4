// Made by `make protos` of Protos/headwater.proto: change that.
//
// Connections: what each side says first, and why a request failed.

internal import CHeadwaterProto
package import FeatureModel

/// Why a request failed: the head of every answer whose status is not OK.
package struct ErrorDetail: Head {
    package var code: UInt32 = 0
    package var message = ""
    /// The file, row or field that is meant. Absent: none.
    package var location: String?
    /// Where a read with a `minPosition` ran out of time, how far the store had come. Absent: it failed for another reason.
    package var appliedPosition: UInt64?

    package init() {}
}

extension ErrorDetail {
    private static func blank() -> Headwater__V1__ErrorDetail {
        var c = unsafe Headwater__V1__ErrorDetail()
        unsafe headwater__v1__error_detail__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ErrorDetail) throws(HeadwaterError) {
        code = unsafe c.code
        message = try unsafe c.message.text(2)
        location = try unsafe c.has_location == 0 ? nil : c.location.text(3)
        appliedPosition = unsafe c.has_applied_position == 0 ? nil : c.applied_position
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ErrorDetail {
        var c = unsafe Self.blank()
        unsafe arena.put(code, &c.code, &c.has_code)
        unsafe arena.put(message, &c.message, &c.has_message)
        unsafe arena.put(location, &c.location, &c.has_location)
        unsafe arena.put(appliedPosition, &c.applied_position, &c.has_applied_position)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What one side of a connection takes, as it stands on the wire.
package struct ReceiveLimits: Head {
    package var frameBytesMax: UInt64 = 0
    package var requestsInFlightMax: UInt32 = 0
    package var streamsOpenMax: UInt32 = 0
    package var initialWindowBytes: UInt32 = 0

    package init() {}
}

extension ReceiveLimits {
    private static func blank() -> Headwater__V1__ReceiveLimits {
        var c = unsafe Headwater__V1__ReceiveLimits()
        unsafe headwater__v1__receive_limits__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ReceiveLimits) throws(HeadwaterError) {
        frameBytesMax = unsafe c.frame_bytes_max
        requestsInFlightMax = unsafe c.requests_in_flight_max
        streamsOpenMax = unsafe c.streams_open_max
        initialWindowBytes = unsafe c.initial_window_bytes
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ReceiveLimits {
        var c = unsafe Self.blank()
        unsafe arena.put(frameBytesMax, &c.frame_bytes_max, &c.has_frame_bytes_max)
        unsafe arena.put(requestsInFlightMax, &c.requests_in_flight_max, &c.has_requests_in_flight_max)
        unsafe arena.put(streamsOpenMax, &c.streams_open_max, &c.has_streams_open_max)
        unsafe arena.put(initialWindowBytes, &c.initial_window_bytes, &c.has_initial_window_bytes)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What a client says first.
package struct HelloRequest: Head {
    /// The lowest frame version that the client speaks.
    package var versionMin: UInt32 = 1
    /// The highest frame version that the client speaks.
    package var versionMax: UInt32 = 1
    /// Bytes: what authenticates the client. Absent: nothing does.
    package var token: [UInt8]?
    package var capabilities: [String] = []
    package var project = ""
    package var clientName = ""
    /// What the client takes. Absent: the defaults.
    package var limits: ReceiveLimits?
    /// Of the client; empty of clients from before it.
    package var clientVersion = ""

    package init() {}
}

extension HelloRequest {
    private static func blank() -> Headwater__V1__HelloRequest {
        var c = unsafe Headwater__V1__HelloRequest()
        unsafe headwater__v1__hello_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__HelloRequest) throws(HeadwaterError) {
        versionMin = unsafe c.version_min
        versionMax = unsafe c.version_max
        token = unsafe c.has_token == 0 ? nil : c.token.bytes
        capabilities = try unsafe ProtobufCReader.texts(c.capabilities, c.n_capabilities, 4)
        project = try unsafe c.project.text(5)
        clientName = try unsafe c.client_name.text(6)
        limits = try unsafe ProtobufCReader.head(c.limits, ReceiveLimits.init(reading:))
        clientVersion = try unsafe c.client_version.text(8)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__HelloRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(versionMin, &c.version_min, &c.has_version_min)
        unsafe arena.put(versionMax, &c.version_max, &c.has_version_max)
        unsafe arena.put(token, &c.token, &c.has_token)
        unsafe arena.put(capabilities, &c.capabilities, &c.n_capabilities)
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(clientName, &c.client_name, &c.has_client_name)
        unsafe arena.put(limits.map { unsafe $0.message(in: arena) }, &c.limits)
        unsafe arena.put(clientVersion, &c.client_version, &c.has_client_version)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Where another role of the store is served.
package struct Peer: Head {
    package var role = ""
    package var address = ""

    package init() {}
}

extension Peer {
    private static func blank() -> Headwater__V1__Peer {
        var c = unsafe Headwater__V1__Peer()
        unsafe headwater__v1__peer__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__Peer) throws(HeadwaterError) {
        role = try unsafe c.role.text(1)
        address = try unsafe c.address.text(2)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__Peer {
        var c = unsafe Self.blank()
        unsafe arena.put(role, &c.role, &c.has_role)
        unsafe arena.put(address, &c.address, &c.has_address)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What the server is.
package struct HelloReply: Head {
    /// The frame version chosen.
    package var version: UInt32 = 1
    package var serverVersion = ""
    /// `online`, `offline`, or both.
    package var roles: [String] = []
    /// Where the other roles of this store are served.
    package var peers: [Peer] = []
    /// Bytes: 16, of the log whose positions the server tells.
    package var logID: [UInt8] = []
    /// What the server takes. Absent: the defaults.
    package var limits: ReceiveLimits?
    /// Microseconds since 1970 UTC.
    package var wallTime: Int64 = 0
    package var capabilities: [String] = []

    package init() {}
}

extension HelloReply {
    private static func blank() -> Headwater__V1__HelloReply {
        var c = unsafe Headwater__V1__HelloReply()
        unsafe headwater__v1__hello_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__HelloReply) throws(HeadwaterError) {
        version = unsafe c.version
        serverVersion = try unsafe c.server_version.text(2)
        roles = try unsafe ProtobufCReader.texts(c.roles, c.n_roles, 3)
        peers = try unsafe ProtobufCReader.heads(c.peers, c.n_peers, Peer.init(reading:))
        logID = unsafe c.log_id.bytes
        limits = try unsafe ProtobufCReader.head(c.limits, ReceiveLimits.init(reading:))
        wallTime = unsafe c.wall_time
        capabilities = try unsafe ProtobufCReader.texts(c.capabilities, c.n_capabilities, 8)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__HelloReply {
        var c = unsafe Self.blank()
        unsafe arena.put(version, &c.version, &c.has_version)
        unsafe arena.put(serverVersion, &c.server_version, &c.has_server_version)
        unsafe arena.put(roles, &c.roles, &c.n_roles)
        unsafe arena.put(peers.map { unsafe $0.message(in: arena) }, &c.peers, &c.n_peers)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        unsafe arena.put(limits.map { unsafe $0.message(in: arena) }, &c.limits)
        unsafe arena.put(wallTime, &c.wall_time, &c.has_wall_time)
        unsafe arena.put(capabilities, &c.capabilities, &c.n_capabilities)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
