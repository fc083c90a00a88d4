import FeatureModel

/// A whole frame that lies in received bytes, looked at in place.
public struct FrameView: Sendable {
    public let header: FrameHeader
    /// The ranges of head and body in those bytes.
    public let head: Range<Int>
    public let body: Range<Int>
    /// Bytes up to the end of the frame.
    public let end: Int
}

extension Connection {
    /// Requests looked at together.
    private static let togetherMax = 64

    /// Finds the requests that may be answered at once, one behind the other from `offset` of received bytes on, up to a number:
    /// whole, sound, of `method`, the last frame of their request. Whoever answers them tells `answeredAtOnce`; any other frame,
    /// and a faulty one, goes through `receive`.
    public func requestsToAnswerAtOnce(_ bytes: RawSpan, at offset: Int, method: Method, into requests: inout [FrameView]) {
        requests.removeAll(keepingCapacity: true)
        guard phase == .open, !isDraining, !isInsideFrame else { return }
        var (offset, lastID) = (offset, lastRequestID)
        while requests.count < Self.togetherMax, let request = request(bytes, at: offset, method: method, after: lastID) {
            requests.append(request)
            (offset, lastID) = (request.end, request.header.requestID)
        }
    }

    private func request(_ bytes: RawSpan, at offset: Int, method: Method, after lastID: UInt64) -> FrameView? {
        guard bytes.byteCount - offset >= FrameHeader.byteCount,
            let header = try? FrameHeader(decoding: bytes.extracting(offset..<offset + FrameHeader.byteCount)),
            header.kind == .request, header.methodCode == method.rawValue, header.isEnd, header.requestID > lastID,
            header.headBytes <= WireLimits.headBytesMax, header.extensionBytes == 0,
            header.frameBytes <= min(bytes.byteCount - offset, limits.frameBytesMax)
        else { return nil }
        let end = offset + header.frameBytes
        guard FrameDecoder.isSound(bytes.extracting(offset..<end)) else { return nil }
        let head = offset + FrameHeader.byteCount..<offset + FrameHeader.byteCount + header.headBytes
        return FrameView(header: header, head: head, body: head.upperBound..<end, end: end)
    }

    /// Notes that a request, and all before it, were answered without being opened.
    public mutating func answeredAtOnce(_ request: FrameHeader) { lastRequestID = request.requestID }
}
