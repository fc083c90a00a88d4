internal import FeatureModel
internal import Wire

/// Frames as bytes: what goes past a session's state machine, which would allocate for each request.
enum FrameParts {
    private static let endFlag: UInt16 = 1

    /// A request of `method` with an id and a checksum of 0, which the load core sets.
    static func request(_ method: Method, head: [UInt8] = [], body: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(FrameHeader.byteCount + head.count + body.count)
        bytes.append(littleEndian: FrameHeader.magic)
        bytes.append(FrameHeader.version)
        bytes.append(FrameKind.request.rawValue)
        bytes.append(littleEndian: method.rawValue)
        bytes.append(littleEndian: UInt64(0))
        bytes.append(littleEndian: UInt32(head.count))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt32(body.count))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt16(0))
        bytes.append(littleEndian: endFlag)
        bytes.append(contentsOf: repeatElement(0, count: FrameHeader.byteCount - bytes.count))
        return bytes + head + body
    }

    /// The body of a frame whose checksum was verified.
    static func body(_ frame: [UInt8]) -> ArraySlice<UInt8> {
        let bytes = frame[...]
        let head = Int(bytes.littleEndian(at: 16, as: UInt32.self))
        let extensionBytes = Int(bytes.littleEndian(at: 20, as: UInt32.self))
        return bytes.dropFirst(FrameHeader.byteCount + head + extensionBytes)
    }
}
