internal import CHeadwaterProto
public import FeatureModel

/// A message's description in the generated C.
@safe
public struct HeadDescriptor: @unchecked Sendable {
    /// Points to constant, static memory: this is why the type is Sendable.
    let pointer: UnsafePointer<ProtobufCMessageDescriptor>

    /// The description of the message `name` of `Protos/headwater.proto`. Traps if there is none.
    init(_ name: String) {
        guard let pointer = unsafe headwater_head_descriptor(name) else { preconditionFailure("no message \(name)") }
        unsafe self.pointer = unsafe pointer
    }

    /// The field with this number and this type. Traps where Swift and the proto file disagree: our own mistake.
    func field(_ number: Int, _ type: ProtobufCType, repeated: Bool = false) -> ProtobufCFieldDescriptor {
        guard let found = unsafe protobuf_c_message_descriptor_get_field(pointer, UInt32(number)) else {
            preconditionFailure("no field \(number)")
        }
        let field = unsafe found.pointee
        let isRepeated = unsafe field.label == PROTOBUF_C_LABEL_REPEATED
        precondition(unsafe field.type == type && isRepeated == repeated, "field \(number) has another type")
        return unsafe field
    }
}

extension Head {
    /// The head's bytes.
    ///
    /// - Complexity: O(bytes).
    public func encode() -> [UInt8] {
        let arena = ProtobufCArena(budgetBytes: .max)
        var copy = self
        let writer = unsafe ProtobufCWriter(Self.descriptor, arena)
        var fields = unsafe HeadFields(writing: writer)
        do { try copy.visit(&fields) } catch { preconditionFailure("encoding does not fail: \(error)") }
        let message = unsafe UnsafePointer(writer.message)
        let count = unsafe protobuf_c_message_get_packed_size(message)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            // protobuf-c writes exactly the size that it computed.
            initialized = unsafe count == 0 ? 0 : protobuf_c_message_pack(message, buffer.baseAddress)
        }
        return withExtendedLifetime(arena) { bytes }
    }

    /// Decodes and checks a head.
    ///
    /// - Throws: `.invalidArgument` for what is no such message or holds text that is not UTF-8, `.resourceExhausted` where
    ///   it would take more than `memoryBytesMax`.
    public init(
        decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int = WireLimits.headMemoryBytesMax
    ) throws(HeadwaterError) {
        let arena = ProtobufCArena(budgetBytes: memoryBytesMax)
        let message = unsafe arena.withAllocator { allocator in
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe protobuf_c_message_unpack(Self.descriptor.pointer, allocator, buffer.count, buffer.baseAddress)
            }
        }
        guard let message = unsafe message else {
            throw arena.isExhausted
                ? HeadwaterError(.resourceExhausted, "a head needs more than \(memoryBytesMax) bytes of memory: send fewer names")
                : HeadwaterError(.invalidArgument, "malformed head: \(bytes.count) bytes are no \(Self.self)")
        }
        self.init()
        var fields = unsafe HeadFields(reading: ProtobufCReader(Self.descriptor, UnsafeRawPointer(message)))
        try visit(&fields)
        withExtendedLifetime(arena) {}
    }
}
