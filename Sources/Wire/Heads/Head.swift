public import FeatureModel

/// The protobuf head of a frame: a message of `Protos/headwater.proto` as a plain Swift value.
///
/// One function, `visit`, lists the fields for both directions, so that encoding and decoding cannot differ.
public protocol Head: Hashable, Sendable {
    /// A head with every field absent.
    init()
    static var descriptor: HeadDescriptor { get }
    /// Shows each field, by its number in the proto file, to an encoder or a decoder.
    mutating func visit(_ fields: inout HeadFields) throws(HeadwaterError)
}

extension Head {
    /// A head filled in place: `GetRequest.with { $0.project = "flights" }`.
    public static func with(_ fill: (inout Self) -> Void) -> Self {
        var head = Self()
        fill(&head)
        return head
    }
}

/// The integers that heads hold: UInt32, UInt64 and Int64, of the proto file's uint32, uint64 and int64.
public protocol HeadInteger: FixedWidthInteger & BitwiseCopyable & Sendable {}
extension UInt32: HeadInteger {}
extension UInt64: HeadInteger {}
extension Int64: HeadInteger {}
