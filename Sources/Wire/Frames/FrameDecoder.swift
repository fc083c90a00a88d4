public import FeatureModel

/// Cuts a stream of bytes into frames, whatever pieces they arrive in.
///
/// Lengths are checked against the limit as soon as the header is there, and memory grows with the bytes that came, not
/// with those announced. Frames that lie whole in one received piece share its storage.
public struct FrameDecoder: Sendable {
    /// Bytes of a frame, all parts. Raise it when Hello is done.
    public var frameBytesMax = WireLimits.frameBytesMaxBeforeHello
    /// Bytes received and not yet looked at.
    private var rest: ArraySlice<UInt8> = []
    /// The frame that has begun and is not whole.
    private var partial: [UInt8] = []
    private var partialHeader: FrameHeader?
    /// The checksum of the partial frame as far as it has come, so that a large frame is not read again at its end.
    private var partialChecksum = CRC32C()

    public init() {}

    /// Whether a frame has begun and its rest is missing.
    public var isInsideFrame: Bool { !partial.isEmpty }
    /// Bytes of the frame that has begun; 0 where its header is not whole, or none has begun.
    public var announcedBytes: Int { partialHeader?.frameBytes ?? 0 }
    /// How many of them have come.
    public var partialBytes: Int { partial.count }

    /// Takes the memory of the whole frame that has begun, so that its parts are not moved as it grows.
    public mutating func reserveAnnounced() { partial.reserveCapacity(announcedBytes) }

    /// Gives up the frame that has begun; nothing can be decoded after it.
    ///
    /// - Returns: what of it has come.
    mutating func takePartial() -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&bytes, &partial)
        partialHeader = nil
        return bytes
    }

    /// Takes bytes. Call `next` until it has none before giving more, or they are joined at the cost of a copy.
    public mutating func receive(_ bytes: ArraySlice<UInt8>) {
        if rest.isEmpty { rest = bytes } else { rest.append(contentsOf: bytes) }
    }

    /// The next whole frame; `nil` where more bytes are needed.
    ///
    /// - Throws: `.invalidArgument` for what is no frame, `.resourceExhausted` above a limit, `.dataLoss` for a bad checksum;
    ///   after that the place of the next frame is unknown, and the connection must end.
    public mutating func next() throws(HeadwaterError) -> Frame? {
        if partial.isEmpty {
            guard !rest.isEmpty else { return nil }
            if rest.count >= FrameHeader.byteCount {
                let header = try checkedHeader(rest)
                if rest.count >= header.frameBytes {
                    let whole = rest.prefix(header.frameBytes)
                    rest = rest.dropFirst(header.frameBytes)
                    return try Self.frame(header, whole)
                }
            }
        }
        return try continuePartial()
    }

    private mutating func continuePartial() throws(HeadwaterError) -> Frame? {
        if partialHeader == nil {
            fill(upTo: FrameHeader.byteCount)
            guard partial.prefix(4).elementsEqual(FrameHeader.magicBytes.prefix(partial.count)) else {
                throw FrameHeader.noFrame(partial.count < 4 ? 0 : partial[...].littleEndian(at: 0))
            }
            guard partial.count == FrameHeader.byteCount else { return nil }
            partialHeader = try checkedHeader(partial[...])
            partialChecksum = CRC32C()
            partialChecksum.update(partial[..<FrameHeader.crcOffset])
            partialChecksum.update(Self.zeroChecksum[...])
        }
        guard let header = partialHeader else { return nil }
        partialChecksum.update(rest.prefix(header.frameBytes - partial.count))
        fill(upTo: header.frameBytes)
        guard partial.count == header.frameBytes else { return nil }
        let whole = partial[...]
        partial = []
        partialHeader = nil
        return try Self.frame(header, whole, isSound: whole.littleEndian(at: FrameHeader.crcOffset) == partialChecksum.value)
    }

    private mutating func fill(upTo count: Int) {
        let taken = rest.prefix(count - partial.count)
        partial.append(contentsOf: taken)
        rest = rest.dropFirst(taken.count)
    }

    private func checkedHeader(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> FrameHeader {
        let header = try FrameHeader(decoding: bytes)
        func check(_ part: String, _ count: Int, _ limit: Int) throws(HeadwaterError) {
            guard count <= limit else {
                throw HeadwaterError(.resourceExhausted, "\(part) of \(count) bytes; the limit is \(limit): send smaller batches")
            }
        }
        try check("a frame", header.frameBytes, frameBytesMax)
        guard header.headBytes <= WireLimits.headBytesMax else {
            throw HeadwaterError(
                .resourceExhausted,
                "a head (its list of names) of \(header.headBytes) bytes; the limit is \(WireLimits.headBytesMax): name fewer at once"
            )
        }
        try check("an extension", header.extensionBytes, WireLimits.extensionBytesMax)
        return header
    }

    private static let zeroChecksum: [UInt8] = [0, 0, 0, 0]

    /// Whether the checksum of a whole frame holds.
    static func isSound(_ bytes: RawSpan) -> Bool {
        var crc = CRC32C()
        crc.update(bytes.extracting(0..<FrameHeader.crcOffset))
        crc.update(zeroChecksum[...])
        crc.update(bytes.extracting(FrameHeader.byteCount..<bytes.byteCount))
        return crc.value == bytes.littleEndian(at: FrameHeader.crcOffset)
    }

    private static func frame(_ header: FrameHeader, _ bytes: ArraySlice<UInt8>) throws(HeadwaterError) -> Frame {
        try frame(header, bytes, isSound: bytes.withBytes(isSound))
    }

    private static func frame(
        _ header: FrameHeader, _ bytes: ArraySlice<UInt8>, isSound: Bool
    ) throws(HeadwaterError) -> Frame {
        guard isSound else {
            throw HeadwaterError(.dataLoss, "a frame's checksum does not hold: it was damaged on its way")
        }
        let extensionAt = FrameHeader.byteCount + header.headBytes
        return Frame(
            header: header,
            head: bytes.part(at: FrameHeader.byteCount, count: header.headBytes),
            extensionBytes: bytes.part(at: extensionAt, count: header.extensionBytes),
            body: bytes.part(at: extensionAt + header.extensionBytes, count: header.bodyBytes))
    }
}
