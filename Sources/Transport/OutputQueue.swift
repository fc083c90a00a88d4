public import NIOCore
public import Wire

/// Frames on their way out of one connection: gathered into one buffer, written and flushed together.
///
/// Lives on the event loop.
public struct OutputQueue {
    private var buffer = ByteBuffer()
    /// Bytes gathered, or flushed and not yet taken by the kernel.
    private(set) var waitingBytes = 0

    /// Bytes gathered and not flushed.
    var gatheredBytes: Int { buffer.readableBytes }
    /// Bytes flushed of which it is not known that the kernel has taken them.
    var flushedBytes: Int { waitingBytes - buffer.readableBytes }

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
        defer { buffer = ByteBuffer() }
        return buffer
    }

    /// Gives it memory to gather in, where it has gathered nothing yet.
    mutating func use(_ memory: inout BufferPool) {
        if buffer.capacity == 0, let taken = memory.take() { buffer = taken }
    }

    mutating func written(_ byteCount: Int) { waitingBytes -= byteCount }
}

/// Buffers that were flushed, the last one first: it is still in the processor's caches.
///
/// Lives on the event loop, whose connections share it: an event loop that is served well allocates nothing, however many connections it has.
struct BufferPool {
    private static let buffersMax = 64
    /// A buffer that has grown beyond this is let go of.
    private static let bytesMax = 256 << 10

    private var buffers: [ByteBuffer] = []

    mutating func take() -> ByteBuffer? {
        guard var buffer = buffers.popLast() else { return nil }
        // Nobody else holds it once the kernel has taken what was in it; else this makes a new one.
        buffer.clear()
        return buffer
    }

    mutating func give(_ buffer: ByteBuffer) {
        if buffers.count < Self.buffersMax && buffer.capacity <= Self.bytesMax { buffers.append(buffer) }
    }
}
