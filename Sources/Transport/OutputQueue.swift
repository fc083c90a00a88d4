public import NIOCore
public import Wire

/// Frames on their way out of one connection: gathered into one buffer, written and flushed together.
///
/// Lives on the event loop. It keeps its buffer from flush to flush: a connection that is served well allocates nothing.
public struct OutputQueue {
    /// A buffer that has grown beyond this is let go of.
    private static let keptBytesMax = 1 << 20

    private var buffer = ByteBuffer()
    /// The buffer of the last flush, to be used again once the kernel has it.
    private var spare = ByteBuffer()
    /// Bytes gathered, or flushed and not yet taken by the kernel.
    private(set) var waitingBytes = 0

    init() {}

    mutating func append(_ frame: EncodedFrame) {
        buffer.reserveCapacity(minimumWritableBytes: frame.byteCount)
        buffer.writeBytes(frame.prefix)
        buffer.writeBytes(frame.body)
        waitingBytes += frame.byteCount
    }

    /// Appends the one answer of a request, whose body is written in place.
    ///
    /// - Parameter bodyBytesMax: as much as `body` writes at most.
    public mutating func append(
        answerTo request: FrameHeader, bodyBytesMax: Int, body: (inout OutputRawSpan) -> Void
    ) {
        let before = buffer.readableBytes
        buffer.writeWithOutputRawSpan(minimumWritableBytes: FrameHeader.byteCount + bodyBytesMax) { output in
            FrameEncoder.append(answerTo: request, to: &output, body: body)
        }
        waitingBytes += buffer.readableBytes - before
    }

    /// Takes out what was gathered, to be written and flushed; `nil` where there is nothing.
    ///
    /// It counts as waiting until `written`.
    mutating func take() -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        swap(&buffer, &spare)
        // Nobody else holds it, once the kernel has taken what was in it; else this makes a new one.
        buffer.clear()
        if buffer.capacity > Self.keptBytesMax { buffer = ByteBuffer() }
        return spare
    }

    mutating func written(_ byteCount: Int) { waitingBytes -= byteCount }
}
