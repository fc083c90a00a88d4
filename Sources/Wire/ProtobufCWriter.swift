internal import CHeadwaterProto

/// Puts Swift values into the members of a C struct that protobuf-c can pack; their bytes live in the arena.
///
/// Each takes the value, the member that holds it, and the member that says whether, or how many of them, there are. Values that
/// are not optional are left out where they are zero or empty.
extension ProtobufCArena {
    func put<T: FixedWidthInteger>(_ value: T, _ field: inout T, _ isPresent: inout protobuf_c_boolean) {
        guard value != 0 else { return }
        field = value
        isPresent = 1
    }

    func put<T: FixedWidthInteger>(_ value: T?, _ field: inout T, _ isPresent: inout protobuf_c_boolean) {
        guard let value else { return }
        field = value
        isPresent = 1
    }

    func put(_ value: Bool, _ field: inout protobuf_c_boolean, _ isPresent: inout protobuf_c_boolean) {
        guard value else { return }
        field = 1
        isPresent = 1
    }

    func put(_ value: [UInt8], _ field: inout ProtobufCBinaryData, _ isPresent: inout protobuf_c_boolean) {
        unsafe put(value.isEmpty ? nil : value, &field, &isPresent)
    }

    func put(_ value: [UInt8]?, _ field: inout ProtobufCBinaryData, _ isPresent: inout protobuf_c_boolean) {
        guard let value else { return }
        unsafe field = unsafe value.withUnsafeBytes { unsafe copy(bytes: $0) }
        isPresent = 1
    }

    func put(_ value: String, _ field: inout ProtobufCBinaryData, _ isPresent: inout protobuf_c_boolean) {
        unsafe put(value.isEmpty ? nil : value, &field, &isPresent)
    }

    func put(_ value: String?, _ field: inout ProtobufCBinaryData, _ isPresent: inout protobuf_c_boolean) {
        guard let value else { return }
        unsafe field = unsafe copy(text: value)
        isPresent = 1
    }

    func put(_ values: [String], _ field: inout UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: inout Int) {
        unsafe put(elements: values, &field, &count) { unsafe copy(text: $0) }
    }

    func put(_ values: [UInt32], _ field: inout UnsafeMutablePointer<UInt32>?, _ count: inout Int) {
        unsafe put(elements: values, &field, &count) { $0 }
    }

    func put<Message>(_ message: Message?, _ field: inout UnsafeMutablePointer<Message>?) {
        guard let message else { return }
        unsafe field = unsafe copy(message)
    }

    func put<Message>(
        _ messages: [Message], _ field: inout UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: inout Int
    ) {
        unsafe put(elements: messages, &field, &count) { unsafe copy($0) }
    }

    private func put<Element, T>(
        elements: [Element], _ field: inout UnsafeMutablePointer<T>?, _ count: inout Int, _ made: (Element) -> T
    ) {
        guard !elements.isEmpty else { return }
        // The arena gives room for exactly these elements; T is a C struct, a pointer or an integer, with nothing to destroy.
        let start = unsafe room(for: T.self, count: elements.count)
        for index in 0..<elements.count { unsafe (start + index).initialize(to: made(elements[index])) }
        unsafe field = unsafe start
        count = elements.count
    }

    /// A copy of a C struct in the arena.
    private func copy<Message>(_ message: Message) -> UnsafeMutablePointer<Message> {
        let start = unsafe room(for: Message.self, count: 1)
        unsafe start.initialize(to: message)
        return unsafe start
    }

    private func copy(text: String) -> ProtobufCBinaryData {
        var text = text
        return text.withUTF8 { unsafe copy(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// A copy of `bytes` in the arena, as protobuf-c holds `bytes` fields.
    private func copy(bytes: UnsafeRawBufferPointer) -> ProtobufCBinaryData {
        let start = unsafe room(for: UInt8.self, count: bytes.count)
        // The arena gave room for exactly this many bytes.
        if let source = bytes.baseAddress {
            unsafe UnsafeMutableRawPointer(start).copyMemory(from: source, byteCount: bytes.count)
        }
        return unsafe ProtobufCBinaryData(len: bytes.count, data: start)
    }

    private func room<T>(for type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
        guard let memory = unsafe allocate(count * MemoryLayout<T>.stride) else {
            preconditionFailure("an arena to encode has no budget")
        }
        return unsafe memory.bindMemory(to: T.self, capacity: count)
    }
}
