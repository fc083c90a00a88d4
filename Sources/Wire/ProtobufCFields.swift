public import FeatureModel

/// One direction of coding: either takes each field out of a head, or puts it in.
///
/// Fields that are not optional in Swift are left out on the wire where they are zero or empty, and read as that when absent.
/// A concrete type, as `visit` runs for every request: a protocol would be looked up at run time for each field.
@safe
public struct HeadFields {
    @unsafe
    enum Direction {
        case read(ProtobufCReader)
        case write(ProtobufCWriter)
    }

    // Reader and writer point into the arena of the call that made this value, which outlives it.
    private let direction: Direction

    init(reading reader: ProtobufCReader) { unsafe direction = unsafe .read(reader) }
    init(writing writer: ProtobufCWriter) { unsafe direction = unsafe .write(writer) }

    public func field(_ number: Int, _ value: inout [UInt8]?) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): unsafe reader.field(number, &value)
        case .write(let writer): unsafe writer.field(number, value)
        }
    }

    public func field(_ number: Int, _ value: inout String?) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): try unsafe reader.field(number, &value)
        case .write(let writer): unsafe writer.field(number, value)
        }
    }

    public func field(_ number: Int, _ value: inout [String]) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): try unsafe reader.field(number, &value)
        case .write(let writer): unsafe writer.field(number, value)
        }
    }

    /// A uint32, uint64 or int64.
    public func field<T: HeadInteger>(_ number: Int, _ value: inout T?) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): unsafe reader.field(number, &value)
        case .write(let writer): unsafe writer.field(number, value)
        }
    }

    public func field(_ number: Int, _ value: inout Bool) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): unsafe reader.field(number, &value)
        case .write(let writer): unsafe writer.field(number, value)
        }
    }

    public func field(_ number: Int, _ value: inout [UInt32]) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): unsafe reader.field(number, &value)
        case .write(let writer): unsafe writer.field(number, value)
        }
    }

    public func field<H: Head>(_ number: Int, _ value: inout H?) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): try unsafe reader.field(number, &value)
        case .write(let writer): try unsafe writer.field(number, value)
        }
    }

    public func field<H: Head>(_ number: Int, _ value: inout [H]) throws(HeadwaterError) {
        switch unsafe direction {
        case .read(let reader): try unsafe reader.field(number, &value)
        case .write(let writer): try unsafe writer.field(number, value)
        }
    }

    public func field(_ number: Int, _ value: inout [UInt8]) throws(HeadwaterError) {
        var present: [UInt8]? = value.isEmpty ? nil : value
        try field(number, &present)
        value = present ?? []
    }

    public func field(_ number: Int, _ value: inout String) throws(HeadwaterError) {
        var present: String? = value.isEmpty ? nil : value
        try field(number, &present)
        value = present ?? ""
    }

    public func field<T: HeadInteger>(_ number: Int, _ value: inout T) throws(HeadwaterError) {
        var present: T? = value == 0 ? nil : value
        try field(number, &present)
        value = present ?? 0
    }
}
