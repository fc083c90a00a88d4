internal import CHeadwaterProto
internal import FeatureModel

/// Puts Swift values into a message that protobuf-c can pack.
///
/// Message and field bytes live in an arena that the caller keeps until it has packed. Offsets come from the generated
/// descriptor, and each access checks there that the field has the type it is written as.
@unsafe
struct ProtobufCWriter {
    let message: UnsafeMutablePointer<ProtobufCMessage>
    private let descriptor: HeadDescriptor
    private let arena: ProtobufCArena

    init(_ descriptor: HeadDescriptor, _ arena: ProtobufCArena) {
        unsafe self.descriptor = descriptor
        unsafe self.arena = arena
        let described = unsafe descriptor.pointer.pointee
        guard let memory = unsafe arena.allocate(described.sizeof_message) else {
            preconditionFailure("an arena to encode has no budget")
        }
        // The message is as large as its descriptor says, and `message_init` fills all of it.
        unsafe message = unsafe memory.bindMemory(to: ProtobufCMessage.self, capacity: 1)
        unsafe described.message_init(message)
    }

    private func store<T>(_ value: T, at offset: UInt32) {
        unsafe UnsafeMutableRawPointer(message).storeBytes(of: value, toByteOffset: Int(offset), as: T.self)
    }

    private func markPresent(_ field: ProtobufCFieldDescriptor) {
        unsafe store(protobuf_c_boolean(1), at: field.quantifier_offset)
    }

    private func store<T>(elements: [T], at field: ProtobufCFieldDescriptor) {
        guard !elements.isEmpty else { return }
        guard let memory = unsafe arena.allocate(elements.count * MemoryLayout<T>.stride) else {
            preconditionFailure("an arena to encode has no budget")
        }
        // The arena gave room for exactly these elements; T is a C struct or a pointer, with nothing to destroy.
        let start = unsafe memory.bindMemory(to: T.self, capacity: elements.count)
        unsafe elements.withUnsafeBufferPointer { source in
            if let first = source.baseAddress { unsafe start.initialize(from: first, count: source.count) }
        }
        unsafe store(elements.count, at: field.quantifier_offset)
        unsafe store(start, at: field.offset)
    }

    func field(_ number: Int, _ value: [UInt8]?) {
        guard let bytes = value else { return }
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_BYTES)
        unsafe markPresent(field)
        unsafe store(arena.copy(bytes), at: field.offset)
    }

    func field(_ number: Int, _ value: String?) {
        unsafe field(number, value.map { Array($0.utf8) })
    }

    func field(_ number: Int, _ value: [String]) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_BYTES, repeated: true)
        unsafe store(elements: value.map { unsafe arena.copy(Array($0.utf8)) }, at: field)
    }

    func field<T: HeadInteger>(_ number: Int, _ value: T?) {
        guard let integer = value else { return }
        let field = unsafe descriptor.field(number, T.protobufCType)
        unsafe markPresent(field)
        unsafe store(integer, at: field.offset)
    }

    func field(_ number: Int, _ value: Bool) {
        guard value else { return }
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_BOOL)
        unsafe markPresent(field)
        unsafe store(protobuf_c_boolean(1), at: field.offset)
    }

    func field(_ number: Int, _ value: [UInt32]) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_UINT32, repeated: true)
        unsafe store(elements: value, at: field)
    }

    func field<H: Head>(_ number: Int, _ value: H?) throws(HeadwaterError) {
        guard let head = value else { return }
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_MESSAGE)
        unsafe store(try message(head), at: field.offset)
    }

    func field<H: Head>(_ number: Int, _ value: [H]) throws(HeadwaterError) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_MESSAGE, repeated: true)
        var messages = unsafe [UnsafeMutablePointer<ProtobufCMessage>]()
        for head in value { unsafe messages.append(try message(head)) }
        unsafe store(elements: messages, at: field)
    }

    private func message(_ head: some Head) throws(HeadwaterError) -> UnsafeMutablePointer<ProtobufCMessage> {
        var copy = head
        let writer = unsafe ProtobufCWriter(type(of: head).descriptor, arena)
        var fields = unsafe HeadFields(writing: writer)
        try copy.visit(&fields)
        return unsafe writer.message
    }
}
