internal import CHeadwaterProto
internal import FeatureModel

/// Takes fields out of an unpacked message into Swift values.
///
/// The message lives in an arena that the caller keeps. Offsets come from the generated descriptor, and each access checks
/// there that the field has the type it is read as.
@unsafe
struct ProtobufCReader {
    private let descriptor: HeadDescriptor
    private let message: UnsafeRawPointer

    init(_ descriptor: HeadDescriptor, _ message: UnsafeRawPointer) {
        unsafe self.descriptor = descriptor
        unsafe self.message = unsafe message
    }

    private func isPresent(_ field: ProtobufCFieldDescriptor) -> Bool {
        unsafe message.load(fromByteOffset: Int(field.quantifier_offset), as: protobuf_c_boolean.self) != 0
    }

    /// Number and start of a repeated field's elements.
    private func elements<T>(_ field: ProtobufCFieldDescriptor, of type: T.Type) -> UnsafeBufferPointer<T> {
        let count = unsafe message.load(fromByteOffset: Int(field.quantifier_offset), as: Int.self)
        let start = unsafe message.load(fromByteOffset: Int(field.offset), as: UnsafePointer<T>?.self)
        return unsafe UnsafeBufferPointer(start: start, count: start == nil ? 0 : count)
    }

    private func text(_ data: ProtobufCBinaryData, _ number: Int) throws(HeadwaterError) -> String {
        let bytes = unsafe UnsafeBufferPointer(start: data.data, count: data.len)
        guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
            throw HeadwaterError(.invalidArgument, "malformed head: field \(number) is not UTF-8")
        }
        return text
    }

    func field(_ number: Int, _ value: inout [UInt8]?) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_BYTES)
        guard unsafe isPresent(field) else { return }
        let data = unsafe message.load(fromByteOffset: Int(field.offset), as: ProtobufCBinaryData.self)
        value = unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len))
    }

    func field(_ number: Int, _ value: inout String?) throws(HeadwaterError) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_BYTES)
        guard unsafe isPresent(field) else { return }
        value = try unsafe text(message.load(fromByteOffset: Int(field.offset), as: ProtobufCBinaryData.self), number)
    }

    func field(_ number: Int, _ value: inout [String]) throws(HeadwaterError) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_BYTES, repeated: true)
        let elements = unsafe elements(field, of: ProtobufCBinaryData.self)
        for index in 0..<elements.count { value.append(try unsafe text(elements[index], number)) }
    }

    func field<T: HeadInteger>(_ number: Int, _ value: inout T?) {
        let field = unsafe descriptor.field(number, T.protobufCType)
        guard unsafe isPresent(field) else { return }
        value = unsafe message.load(fromByteOffset: Int(field.offset), as: T.self)
    }

    func field(_ number: Int, _ value: inout Bool) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_BOOL)
        guard unsafe isPresent(field) else { return }
        value = unsafe message.load(fromByteOffset: Int(field.offset), as: protobuf_c_boolean.self) != 0
    }

    func field(_ number: Int, _ value: inout [UInt32]) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_UINT32, repeated: true)
        value = unsafe Array(elements(field, of: UInt32.self))
    }

    func field<H: Head>(_ number: Int, _ value: inout H?) throws(HeadwaterError) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_MESSAGE)
        guard let start = unsafe message.load(fromByteOffset: Int(field.offset), as: UnsafeRawPointer?.self) else { return }
        value = try unsafe Self.head(H.self, start)
    }

    func field<H: Head>(_ number: Int, _ value: inout [H]) throws(HeadwaterError) {
        let field = unsafe descriptor.field(number, PROTOBUF_C_TYPE_MESSAGE, repeated: true)
        let elements = unsafe elements(field, of: UnsafeRawPointer.self)
        for index in 0..<elements.count { value.append(try unsafe Self.head(H.self, elements[index])) }
    }

    private static func head<H: Head>(_ type: H.Type, _ start: UnsafeRawPointer) throws(HeadwaterError) -> H {
        var head = H()
        var fields = unsafe HeadFields(reading: ProtobufCReader(H.descriptor, start))
        try head.visit(&fields)
        return head
    }
}

extension HeadInteger {
    /// The type that the proto file must give a field of this Swift type.
    static var protobufCType: ProtobufCType {
        if isSigned { return PROTOBUF_C_TYPE_INT64 }
        return bitWidth == 32 ? PROTOBUF_C_TYPE_UINT32 : PROTOBUF_C_TYPE_UINT64
    }
}
