public import FeatureModel

/// A whole frame that lies in received bytes, looked at in place.
public struct FrameView: Sendable {
    public let header: FrameHeader
    /// Where head and body stand in those bytes.
    public let head: Range<Int>
    public let body: Range<Int>
    /// Bytes up to the end of the frame.
    public let end: Int
}

extension Connection {
    /// Looks at the frame at `offset` of received bytes, if it is a request that may be answered at once: whole, sound, of `method`, the last
    /// of its request. Whoever answers it tells `answeredAtOnce`; any other frame, and a faulty one, goes through `receive`.
    ///
    /// - Returns: `nil` for any other frame.
    public func requestToAnswerAtOnce(_ bytes: RawSpan, at offset: Int, method: Method) -> FrameView? {
        guard phase == .open, !isDraining, !isInsideFrame, bytes.byteCount - offset >= FrameHeader.byteCount,
            let header = try? FrameHeader(decoding: bytes.extracting(offset..<offset + FrameHeader.byteCount)),
            header.kind == .request, header.methodCode == method.rawValue, header.isEnd, header.requestID > lastRequestID,
            header.headBytes <= WireLimits.headBytesMax, header.extensionBytes == 0,
            header.frameBytes <= min(bytes.byteCount - offset, limits.frameBytesMax)
        else { return nil }
        let end = offset + header.frameBytes
        guard FrameDecoder.isSound(bytes.extracting(offset..<end)) else { return nil }
        let head = offset + FrameHeader.byteCount..<offset + FrameHeader.byteCount + header.headBytes
        return FrameView(header: header, head: head, body: head.upperBound..<end, end: end)
    }

    /// Notes that a request was answered without being opened.
    public mutating func answeredAtOnce(_ request: FrameHeader) { lastRequestID = request.requestID }
}
