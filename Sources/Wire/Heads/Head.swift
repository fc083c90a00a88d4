public import FeatureModel

/// The protobuf head of a frame: a message of `Protos/headwater.proto` as a plain Swift value.
///
/// One function, `visit`, lists the fields for both directions, so that encoding and decoding cannot differ.
public protocol Head: Hashable, Sendable {
    /// A head with every field absent.
    init()
    static var descriptor: HeadDescriptor { get }
    /// Shows each field, by its number in the proto file, to an encoder or a decoder.
    mutating func visit(_ fields: inout some HeadFields) throws(HeadwaterError)
}

extension Head {
    /// A head filled in place: `GetRequest.with { $0.project = "flights" }`.
    public static func with(_ fill: (inout Self) -> Void) -> Self {
        var head = Self()
        fill(&head)
        return head
    }
}

/// One direction of coding: either takes each field out of the value, or puts it in.
///
/// Fields that are not optional in Swift are left out on the wire where they are zero or empty, and read as that when absent.
public protocol HeadFields {
    mutating func field(_ number: Int, _ value: inout [UInt8]?) throws(HeadwaterError)
    mutating func field(_ number: Int, _ value: inout String?) throws(HeadwaterError)
    mutating func field(_ number: Int, _ value: inout [String]) throws(HeadwaterError)
    /// A uint32, uint64 or int64.
    mutating func field<T: HeadInteger>(_ number: Int, _ value: inout T?) throws(HeadwaterError)
    mutating func field(_ number: Int, _ value: inout Bool) throws(HeadwaterError)
    mutating func field(_ number: Int, _ value: inout [UInt32]) throws(HeadwaterError)
    mutating func field<H: Head>(_ number: Int, _ value: inout H?) throws(HeadwaterError)
    mutating func field<H: Head>(_ number: Int, _ value: inout [H]) throws(HeadwaterError)
}

/// The integers that heads hold: UInt32, UInt64 and Int64, of the proto file's uint32, uint64 and int64.
public protocol HeadInteger: FixedWidthInteger & BitwiseCopyable & Sendable {}
extension UInt32: HeadInteger {}
extension UInt64: HeadInteger {}
extension Int64: HeadInteger {}

extension HeadFields {
    public mutating func field(_ number: Int, _ value: inout [UInt8]) throws(HeadwaterError) {
        var present: [UInt8]? = value.isEmpty ? nil : value
        try field(number, &present)
        value = present ?? []
    }

    public mutating func field(_ number: Int, _ value: inout String) throws(HeadwaterError) {
        var present: String? = value.isEmpty ? nil : value
        try field(number, &present)
        value = present ?? ""
    }

    public mutating func field<T: HeadInteger>(_ number: Int, _ value: inout T) throws(HeadwaterError) {
        var present: T? = value == 0 ? nil : value
        try field(number, &present)
        value = present ?? 0
    }
}
