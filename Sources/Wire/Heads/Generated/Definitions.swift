// Made by `make protos` of Protos/headwater.proto: change that.
//
// Definitions: applied, promoted, removed and told.

internal import CHeadwaterProto
package import FeatureModel

/// Definitions to apply or to plan; the body is their canonical JSON.
package struct ApplyRequest: Head {
    package var project = ""

    package init() {}
}

extension ApplyRequest {
    private static func blank() -> Headwater__V1__ApplyRequest {
        var c = unsafe Headwater__V1__ApplyRequest()
        unsafe headwater__v1__apply_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ApplyRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ApplyRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// What apply did, or would do; the body is the plan as JSON.
package struct ApplyReply: Head {
    package var position: UInt64 = 0
    package var catalogVersion: UInt64 = 0
    package var changed = false

    package init() {}
}

extension ApplyReply {
    private static func blank() -> Headwater__V1__ApplyReply {
        var c = unsafe Headwater__V1__ApplyReply()
        unsafe headwater__v1__apply_reply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ApplyReply) throws(HeadwaterError) {
        position = unsafe c.position
        catalogVersion = unsafe c.catalog_version
        changed = unsafe c.changed != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ApplyReply {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        unsafe arena.put(catalogVersion, &c.catalog_version, &c.has_catalog_version)
        unsafe arena.put(changed, &c.changed, &c.has_changed)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks that a name without a version should mean another version; the answer is an `ApplyReply` with the plan as JSON.
package struct PromoteRequest: Head {
    package var project = ""
    /// `group` or `service`.
    package var kind = ""
    /// The version that is meant from now on: `orders@2`.
    package var name = ""
    /// Whether a version without rows is promoted too.
    package var force = false
    /// Whether it only says what it would do.
    package var dryRun = false

    package init() {}
}

extension PromoteRequest {
    private static func blank() -> Headwater__V1__PromoteRequest {
        var c = unsafe Headwater__V1__PromoteRequest()
        unsafe headwater__v1__promote_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__PromoteRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        kind = try unsafe c.kind.text(2)
        name = try unsafe c.name.text(3)
        force = unsafe c.force != 0
        dryRun = unsafe c.dry_run != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__PromoteRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(kind, &c.kind, &c.has_kind)
        unsafe arena.put(name, &c.name, &c.has_name)
        unsafe arena.put(force, &c.force, &c.has_force)
        unsafe arena.put(dryRun, &c.dry_run, &c.has_dry_run)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Removes one thing; the answer is an `ApplyReply` with the plan as JSON.
package struct RemoveRequest: Head {
    package var project = ""
    /// `project`, `entity`, `group`, `feature`, `service` or `dataset`.
    package var kind = ""
    /// `orders` or `orders@2`; of a feature `orders@2:total`.
    package var name = ""
    /// Whether what depends on it is removed too.
    package var force = false
    /// Whether rows of a group stay for reads as of positions before.
    package var keepHistory = false
    /// Whether it only says what it would do.
    package var dryRun = false

    package init() {}
}

extension RemoveRequest {
    private static func blank() -> Headwater__V1__RemoveRequest {
        var c = unsafe Headwater__V1__RemoveRequest()
        unsafe headwater__v1__remove_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__RemoveRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        kind = try unsafe c.kind.text(2)
        name = try unsafe c.name.text(3)
        force = unsafe c.force != 0
        keepHistory = unsafe c.keep_history != 0
        dryRun = unsafe c.dry_run != 0
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__RemoveRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(kind, &c.kind, &c.has_kind)
        unsafe arena.put(name, &c.name, &c.has_name)
        unsafe arena.put(force, &c.force, &c.has_force)
        unsafe arena.put(keepHistory, &c.keep_history, &c.has_keep_history)
        unsafe arena.put(dryRun, &c.dry_run, &c.has_dry_run)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for all definitions of a project.
package struct ListRequest: Head {
    package var project = ""

    package init() {}
}

extension ListRequest {
    private static func blank() -> Headwater__V1__ListRequest {
        var c = unsafe Headwater__V1__ListRequest()
        unsafe headwater__v1__list_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__ListRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__ListRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// Asks for one definition.
package struct DescribeRequest: Head {
    package var project = ""
    package var name = ""
    /// The position as of which the definition is told. Absent: the latest.
    package var asOf: UInt64?

    package init() {}
}

extension DescribeRequest {
    private static func blank() -> Headwater__V1__DescribeRequest {
        var c = unsafe Headwater__V1__DescribeRequest()
        unsafe headwater__v1__describe_request__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__DescribeRequest) throws(HeadwaterError) {
        project = try unsafe c.project.text(1)
        name = try unsafe c.name.text(2)
        asOf = unsafe c.has_as_of == 0 ? nil : c.as_of
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__DescribeRequest {
        var c = unsafe Self.blank()
        unsafe arena.put(project, &c.project, &c.has_project)
        unsafe arena.put(name, &c.name, &c.has_name)
        unsafe arena.put(asOf, &c.as_of, &c.has_as_of)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}

/// An answer whose body is JSON.
package struct JSONReply: Head {
    package var position: UInt64 = 0

    package init() {}
}

extension JSONReply {
    private static func blank() -> Headwater__V1__JSONReply {
        var c = unsafe Headwater__V1__JSONReply()
        unsafe headwater__v1__jsonreply__init(&c)
        return unsafe c
    }

    init(reading c: Headwater__V1__JSONReply) throws(HeadwaterError) {
        position = unsafe c.position
    }

    func message(in arena: ProtobufCArena) -> Headwater__V1__JSONReply {
        var c = unsafe Self.blank()
        unsafe arena.put(position, &c.position, &c.has_position)
        return unsafe c
    }

    package func encode() -> [UInt8] { unsafe ProtobufCCoder.pack(message(in:)) }

    package init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError) {
        self = try unsafe ProtobufCCoder.unpack(bytes, memoryBytesMax, like: Self.blank(), Self.init(reading:))
    }
}
