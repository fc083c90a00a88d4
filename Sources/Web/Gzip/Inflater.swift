internal import CZlib
import FeatureModel

/// Unpacks gzip, a piece at a time, so that a small body that unpacks to a huge one never stands in memory.
@safe final class Inflater {
    /// Bytes that one step gives at most.
    static let stepBytesMax = 256 << 10

    // zlib keeps the address of its state in that state: it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var input: [UInt8] = []
    private var taken = 0
    /// Whether a member has begun and not ended.
    private(set) var isInside = false

    /// - Throws: `.resourceExhausted` where there is no memory for it.
    init() throws(HeadwaterError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16: gzip and nothing else.
        guard unsafe inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            unsafe stream.deallocate()
            throw HeadwaterError(.resourceExhausted, "there is no memory to unpack a body")
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    var hasInput: Bool { taken < input.count }

    /// Takes packed bytes; those before must be used up.
    func feed(_ bytes: [UInt8]) {
        precondition(!hasInput, "one piece after the other")
        (input, taken) = (bytes, 0)
    }

    /// Unpacks some of what was fed.
    ///
    /// - Returns: unpacked bytes; none where more must be fed first.
    /// - Throws: `.invalidArgument` for bytes that are no gzip.
    func step() throws(HeadwaterError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: Self.stepBytesMax)
        var (produced, code) = (0, Z_OK)
        unsafe input.withUnsafeMutableBufferPointer { packed in
            unsafe output.withUnsafeMutableBufferPointer { unpacked in
                unsafe stream.pointee.next_in = packed.baseAddress.map { unsafe $0 + taken }
                unsafe stream.pointee.avail_in = UInt32(packed.count - taken)
                unsafe stream.pointee.next_out = unpacked.baseAddress
                unsafe stream.pointee.avail_out = UInt32(unpacked.count)
                code = unsafe inflate(stream, Z_NO_FLUSH)
                unsafe taken = packed.count - Int(stream.pointee.avail_in)
                unsafe produced = unpacked.count - Int(stream.pointee.avail_out)
            }
        }
        switch code {
        case Z_OK: isInside = true
        case Z_BUF_ERROR: break
        case Z_STREAM_END:
            // Another member may follow.
            isInside = false
            guard unsafe inflateReset(stream) == Z_OK else { throw Self.broken }
        default: throw Self.broken
        }
        output.removeLast(output.count - produced)
        return output
    }

    private static let broken = HeadwaterError(.invalidArgument, "the body is not gzip, though its Content-Encoding says so")
}
