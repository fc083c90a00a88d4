public import FeatureModel

/// A received frame whose checksum held; its parts share the storage of the bytes it came in.
public struct Frame: Sendable {
    public let header: FrameHeader
    public let head: ArraySlice<UInt8>
    public let extensionBytes: ArraySlice<UInt8>
    public let body: ArraySlice<UInt8>

    /// The error that a `response`, `end` or `goAway` carries; `nil` where its status is OK.
    ///
    /// An `ErrorDetail` that does not decode leaves the status, which is all that is then known.
    public var error: HeadwaterError? {
        guard header.status != .ok else { return nil }
        guard let detail = try? ErrorDetail(decoding: head) else {
            return HeadwaterError(header.status, "the other side gave no readable reason")
        }
        var message = detail.message
        if let applied = detail.appliedPosition, !message.contains("applied is \(applied)") {
            message += "; applied is \(applied)"
        }
        return HeadwaterError(header.status, message, at: detail.location)
    }
}

/// A frame ready to send: its bytes are `prefix ∥ body`, so that a large body is not copied to get a checksum.
public struct EncodedFrame: Sendable {
    public let header: FrameHeader
    /// Header, head and extension.
    public let prefix: [UInt8]
    public let body: ArraySlice<UInt8>

    public var byteCount: Int { prefix.count + body.count }
    /// The whole frame as one run of bytes.
    public var bytes: [UInt8] { prefix + body }
}

/// Encodes frames. Needs no connection, so any thread may do it.
public enum FrameEncoder {
    /// Encodes one frame; the lengths in `header` are set from the parts.
    ///
    /// - Complexity: O(bytes), for the checksum.
    /// - Precondition: each part is shorter than 4 GiB.
    public static func encode(
        _ header: FrameHeader, head: [UInt8] = [], extensionBytes: [UInt8] = [], body: ArraySlice<UInt8> = []
    ) -> EncodedFrame {
        var header = header
        header.headBytes = head.count
        header.extensionBytes = extensionBytes.count
        header.bodyBytes = body.count
        var prefix: [UInt8] = []
        prefix.reserveCapacity(FrameHeader.byteCount + head.count + extensionBytes.count)
        header.append(to: &prefix)
        prefix.append(contentsOf: head)
        prefix.append(contentsOf: extensionBytes)
        var crc = CRC32C()
        crc.update(prefix[...])
        crc.update(body)
        prefix.store(littleEndian: crc.value, at: FrameHeader.crcOffset)
        return EncodedFrame(header: header, prefix: prefix, body: body)
    }

    /// The last frame of a request: a `response`, or for streams an `end`.
    public static func answer(
        _ method: Method?, requestID: UInt64, status: StatusCode = .ok, head: [UInt8], body: ArraySlice<UInt8> = []
    ) -> EncodedFrame {
        var header = FrameHeader(method?.isStream == true ? .end : .response, method: method, requestID: requestID)
        header.status = status
        header.isEnd = true
        return encode(header, head: head, body: body)
    }

    /// Appends the one answer of a request, without a head, whose body is written in place.
    ///
    /// - Parameters:
    ///   - request: the header of the request.
    ///   - body: appends the body. There must be room for the header and for that.
    public static func append(
        answerTo request: FrameHeader, to output: inout OutputRawSpan, body: (inout OutputRawSpan) -> Void
    ) {
        let start = output.byteCount
        var header = FrameHeader(.response, method: request.method, requestID: request.requestID)
        header.isEnd = true
        header.append(to: &output)
        body(&output)
        let end = output.byteCount
        output.store(
            littleEndian: UInt32(end - start - FrameHeader.byteCount), at: start + FrameHeader.bodyBytesOffset)
        let checksum = CRC32C.checksum(output.bytes.extracting(start..<end))
        output.store(littleEndian: checksum, at: start + FrameHeader.crcOffset)
    }

    /// The last frame of a request that failed.
    public static func failure(
        _ method: Method?, requestID: UInt64, _ error: HeadwaterError, appliedPosition: Position? = nil
    ) -> EncodedFrame {
        let detail = ErrorDetail(error, appliedPosition: appliedPosition)
        return answer(method, requestID: requestID, status: error.code, head: detail.encode())
    }

    /// Grants `bytes` of credit on a stream.
    public static func credit(_ method: Method, requestID: UInt64, bytes: Int) -> EncodedFrame {
        var header = FrameHeader(.credit, method: method, requestID: requestID)
        header.creditBytes = UInt32(bytes)
        return encode(header)
    }

    /// Tells the client that the server drains (`nil`), or why the connection is closed.
    public static func goAway(_ error: HeadwaterError?) -> EncodedFrame {
        var header = FrameHeader(.goAway)
        header.status = error?.code ?? .ok
        return encode(header, head: error.map { ErrorDetail($0).encode() } ?? [])
    }
}
