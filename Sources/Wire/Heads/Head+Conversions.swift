package import FeatureModel

extension ErrorDetail {
    package init(_ error: HeadwaterError, appliedPosition: Position? = nil) {
        self.init()
        code = UInt32(error.code.rawValue)
        message = error.message
        location = error.location
        self.appliedPosition = appliedPosition
    }
}

extension ReceiveLimits {
    package init(_ limits: WireLimits) {
        self.init()
        frameBytesMax = UInt64(limits.frameBytesMax)
        requestsInFlightMax = UInt32(limits.requestsInFlightMax)
        streamsOpenMax = UInt32(limits.streamsOpenMax)
        initialWindowBytes = UInt32(limits.initialWindowBytes)
    }
}

extension WireLimits {
    /// Takes the limits that the other side announced: what it left out has its default, and what is out of range is clamped.
    package init(_ announced: ReceiveLimits?) {
        self.init()
        guard let announced else { return }
        if announced.frameBytesMax > 0 {
            frameBytesMax = Int(min(max(announced.frameBytesMax, 64 << 10), UInt64(Self.frameBytesCeiling)))
        }
        if announced.requestsInFlightMax > 0 { requestsInFlightMax = Int(announced.requestsInFlightMax) }
        if announced.streamsOpenMax > 0 { streamsOpenMax = Int(announced.streamsOpenMax) }
        if announced.initialWindowBytes > 0 {
            initialWindowBytes = min(Int(announced.initialWindowBytes), Self.windowBytesCeiling)
        }
    }
}

extension Output {
    package init(_ field: Field, group: String = "") {
        self.init()
        name = field.name
        type = field.type.description
        self.group = group
    }

    /// The column's name and parsed type.
    ///
    /// - Throws: `.invalidArgument` for a type that this version does not know.
    package func field() throws(HeadwaterError) -> Field { Field(name, try FeatureType.parse(type)) }
}

extension ColumnSpec {
    package init(_ field: Field) {
        self.init()
        name = field.name
        type = field.type.description
    }

    /// The column's name and parsed type.
    ///
    /// - Throws: `.invalidArgument` for a type that this version does not know.
    package func field() throws(HeadwaterError) -> Field { Field(name, try FeatureType.parse(type)) }
}
