// Made by `make protos` of Protos/headwater.proto: change that.
//
// Gets: the latest features of keys, and the handles that make them fast.

internal import CHeadwaterProto
package import FeatureModel

/// A named column.
package struct ColumnSpec: Head {
    package var name = ""
    /// As definitions spell it: `float64`, `array(string)`, `vector(64)`.
    package var type = ""

    package init() {}
}

extension ColumnSpec {
    private static func blank() -> Headwater__V1__ColumnSpec {
        var c = unsafe Headwater__V1__ColumnSpec()
        unsafe headwater__v1__column_spec__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ColumnSpec) throws(HeadwaterError) {
        name = try unsafe c.name.text(1)
        type = try unsafe c.type.text(2)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ColumnSpec {
        var c = unsafe Self.blank()
        unsafe arena.put(name, &c.name, &c.has_name)
        unsafe arena.put(type, &c.type, &c.has_type)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// One column of an answer.
package struct Output: Head {
    package var name = ""
    /// As definitions spell it: `float64`, `array(string)`, `vector(64)`.
    package var type = ""
    /// The feature group it is read from, as `name@version`; empty for columns of no group.
    package var group = ""

    package init() {}
}

extension Output {
    private static func blank() -> Headwater__V1__Output {
        var c = unsafe Headwater__V1__Output()
        unsafe headwater__v1__output__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__Output) throws(HeadwaterError) {
        name = try unsafe c.name.text(1)
        type = try unsafe c.type.text(2)
        group = try unsafe c.group.text(3)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__Output {
        var c = unsafe Self.blank()
        unsafe arena.put(name, &c.name, &c.has_name)
        unsafe arena.put(type, &c.type, &c.has_type)
        unsafe arena.put(group, &c.group, &c.has_group)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for the latest features of keys by a handle; the body is packed columns, their tag the handle. So is the answer,
/// which has no head. A request without any of these fields has none either.
package struct GetPreparedRequest: Head {
    /// The clock for max_age. Absent: now.
    package var at: Int64?
    package var minPosition: UInt64 = 0
    /// Bytes: 16, of the log that `minPosition` is of; empty where it is not checked.
    package var logID: [UInt8] = []
    /// Whether the answer says when each value became true.
    package var eventTimes = false

    package init() {}
}

extension GetPreparedRequest {
    private static func blank() -> Headwater__V1__GetPreparedRequest {
        var c = unsafe Headwater__V1__GetPreparedRequest()
        unsafe headwater__v1__get_prepared_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__GetPreparedRequest) throws(HeadwaterError) {
        at = unsafe c.has_at == 0 ? nil : c.at
        minPosition = unsafe c.min_position
        logID = unsafe c.log_id.bytes
        eventTimes = unsafe c.event_times != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__GetPreparedRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(at, &c.at, &c.has_at)
        unsafe arena.put(minPosition, &c.min_position, &c.has_min_position)
        unsafe arena.put(logID, &c.log_id, &c.has_log_id)
        unsafe arena.put(eventTimes, &c.event_times, &c.has_event_times)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for a handle, so that gets resolve no names.
package struct PrepareRequest: Head {
    package var project = ""
    /// `name` or `name@version`. Absent: `features` are given.
    package var service: String?
    /// `group:feature` or `group@version:feature` each; empty where a service is given.
    package var features: [String] = []
    package var fullFeatureNames = false
    /// The position as of which definitions are read, for a history: no handle is made. Absent: a handle is made.
    package var asOf: UInt64?

    package init() {}
}

extension PrepareRequest {
    private static func blank() -> Headwater__V1__PrepareRequest {
        var c = unsafe Headwater__V1__PrepareRequest()
        unsafe headwater__v1__prepare_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__PrepareRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        service = try unsafe c.has_service == 0 ? nil : c.service.text(2)
        features = try unsafe ProtobufCReader.texts(c.features, c.n_features, 3)
        fullFeatureNames = unsafe c.full_feature_names != 0
        asOf = unsafe c.has_as_of == 0 ? nil : c.as_of
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__PrepareRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(service, &c.service, &c.has_service)
        unsafe arena.put(features, &c.features, &c.n_features)
        unsafe arena.put(fullFeatureNames, &c.full_feature_names, &c.has_full_feature_names)
        unsafe arena.put(asOf, &c.as_of, &c.has_as_of)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// A handle, valid on the connection that prepared it.
package struct PrepareReply: Head {
    package var handle: UInt64 = 0
    package var outputs: [Output] = []
    /// The key columns that a get must send.
    package var keys: [ColumnSpec] = []
    /// What of the list should not be used any more.
    package var warnings: [String] = []
    /// The columns that a get must send behind the keys, for expressions; a spine has them too.
    package var request: [ColumnSpec] = []

    package init() {}
}

extension PrepareReply {
    private static func blank() -> Headwater__V1__PrepareReply {
        var c = unsafe Headwater__V1__PrepareReply()
        unsafe headwater__v1__prepare_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__PrepareReply) throws(HeadwaterError) {
        handle = unsafe c.handle
        outputs = try unsafe ProtobufCReader.heads(c.outputs, c.n_outputs, Output.init(reading:))
        keys = try unsafe ProtobufCReader.heads(c.keys, c.n_keys, ColumnSpec.init(reading:))
        warnings = try unsafe ProtobufCReader.texts(c.warnings, c.n_warnings, 4)
        request = try unsafe ProtobufCReader.heads(c.request, c.n_request, ColumnSpec.init(reading:))
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__PrepareReply {
        var c = unsafe Self.blank()
        unsafe arena.put(handle, &c.handle, &c.has_handle)
        unsafe arena.put(outputs.map { unsafe $0.message(in: arena) }, &c.outputs, &c.n_outputs)
        unsafe arena.put(keys.map { unsafe $0.message(in: arena) }, &c.keys, &c.n_keys)
        unsafe arena.put(warnings, &c.warnings, &c.n_warnings)
        unsafe arena.put(request.map { unsafe $0.message(in: arena) }, &c.request, &c.n_request)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
