internal import CHeadwaterProto
internal import FeatureModel

/// Takes what the members of an unpacked C struct point to into Swift values.
///
/// Pointers and counts come from protobuf-c, which made them fit each other; what they point to lives in an arena that the
/// caller keeps.
enum ProtobufCReader {
    /// The elements of a repeated text field, whose number an error names.
    static func texts(
        _ start: UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: Int, _ number: Int
    ) throws(HeadwaterError) -> [String] {
        var texts: [String] = []
        let elements = unsafe UnsafeBufferPointer(start: start, count: start == nil ? 0 : count)
        texts.reserveCapacity(elements.count)
        for index in 0..<elements.count { texts.append(try unsafe elements[index].text(number)) }
        return texts
    }

    /// The elements of a repeated integer field.
    static func integers(_ start: UnsafeMutablePointer<UInt32>?, _ count: Int) -> [UInt32] {
        unsafe Array(UnsafeBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    /// The head that a field holds; `nil` where it is absent.
    static func head<Message, H: Head>(
        _ start: UnsafeMutablePointer<Message>?, _ read: (Message) throws(HeadwaterError) -> H
    ) throws(HeadwaterError) -> H? {
        guard let start = unsafe start else { return nil }
        return try unsafe read(start.pointee)
    }

    /// The elements of a repeated field of heads.
    static func heads<Message, H: Head>(
        _ start: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int,
        _ read: (Message) throws(HeadwaterError) -> H
    ) throws(HeadwaterError) -> [H] {
        var heads: [H] = []
        let elements = unsafe UnsafeBufferPointer(start: start, count: start == nil ? 0 : count)
        heads.reserveCapacity(elements.count)
        for index in 0..<elements.count {
            if let element = unsafe elements[index] { heads.append(try unsafe read(element.pointee)) }
        }
        return heads
    }
}

extension ProtobufCBinaryData {
    /// A copy of the bytes; none where the field is absent.
    var bytes: [UInt8] { unsafe Array(UnsafeBufferPointer(start: data, count: len)) }

    /// The bytes as text; empty where the field is absent.
    ///
    /// - Throws: `.invalidArgument`, which names the field's number, for what is not UTF-8.
    func text(_ number: Int) throws(HeadwaterError) -> String {
        guard let text = unsafe String(validating: UnsafeBufferPointer(start: data, count: len), as: UTF8.self) else {
            throw HeadwaterError(.invalidArgument, "malformed head: field \(number) is not UTF-8")
        }
        return text
    }
}
