internal import CHeadwaterProto
internal import FeatureModel

/// Packs and unpacks the generated C structs, each of which begins with a `ProtobufCMessage`.
enum ProtobufCCoder {
    /// The bytes of a C struct, which `made` fills from memory of the arena.
    ///
    /// - Complexity: O(bytes).
    static func pack<Message>(_ made: (ProtobufCArena) -> Message) -> [UInt8] {
        let arena = ProtobufCArena(budgetBytes: .max)
        let bytes = unsafe withUnsafeBytes(of: made(arena)) { memory in
            // The struct begins with a message, which names its own descriptor.
            let start = unsafe memory.baseAddress?.assumingMemoryBound(to: ProtobufCMessage.self)
            let count = unsafe protobuf_c_message_get_packed_size(start)
            return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                // protobuf-c writes exactly the size that it computed.
                initialized = unsafe count == 0 ? 0 : protobuf_c_message_pack(start, buffer.baseAddress)
            }
        }
        return withExtendedLifetime(arena) { bytes }
    }

    /// What `read` takes out of the C struct that the bytes encode.
    ///
    /// - Parameter blank: a C struct of this kind, which names its descriptor.
    /// - Throws: as `Head.init(decoding:memoryBytesMax:)`.
    static func unpack<Message, H: Head>(
        _ bytes: ArraySlice<UInt8>, _ memoryBytesMax: Int, like blank: Message,
        _ read: (Message) throws(HeadwaterError) -> H
    ) throws(HeadwaterError) -> H {
        let arena = ProtobufCArena(budgetBytes: memoryBytesMax)
        let descriptor = unsafe withUnsafeBytes(of: blank) { unsafe $0.load(as: ProtobufCMessage.self).descriptor }
        let message = unsafe arena.withAllocator { allocator in
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe protobuf_c_message_unpack(descriptor, allocator, buffer.count, buffer.baseAddress)
            }
        }
        guard let message = unsafe message else {
            throw arena.isExhausted
                ? HeadwaterError(.resourceExhausted, "a head needs more than \(memoryBytesMax) bytes of memory: send fewer names")
                : HeadwaterError(.invalidArgument, "malformed head: \(bytes.count) bytes are no \(H.self)")
        }
        // protobuf-c unpacks by this descriptor to a struct of this type.
        let head = try unsafe read(UnsafeRawPointer(message).assumingMemoryBound(to: Message.self).pointee)
        return withExtendedLifetime(arena) { head }
    }
}
