internal import NIOCore
internal import Wire

/// Frames on their way out of one connection: gathered into one buffer, written and flushed together.
///
/// Lives on the event loop.
struct OutputQueue {
    private var buffer = ByteBuffer()
    /// Bytes gathered, or flushed and not yet taken by the kernel.
    private(set) var waitingBytes = 0

    mutating func append(_ frame: EncodedFrame) {
        buffer.reserveCapacity(minimumWritableBytes: frame.byteCount)
        buffer.writeBytes(frame.prefix)
        buffer.writeBytes(frame.body)
        waitingBytes += frame.byteCount
    }

    /// Takes out what was gathered, to be written and flushed; `nil` where there is nothing.
    ///
    /// It counts as waiting until `written`.
    mutating func take() -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        defer { buffer = ByteBuffer() }
        return buffer
    }

    mutating func written(_ byteCount: Int) { waitingBytes -= byteCount }
}

extension ChannelHandlerContext {
    /// Writes and flushes `buffer`, and calls `done` on the event loop, mostly at once, when the kernel has taken it or never will.
    func writeAndFlush(_ buffer: ByteBuffer, _ done: @escaping @Sendable (_ byteCount: Int) -> Void) {
        let count = buffer.readableBytes
        writeAndFlush(NIOAny(buffer), promise: nil)
        // A promise for each write would cost more than to ask whether one is needed.
        if let waiting = try? channel.syncOptions?.getOption(.bufferedWritableBytes), waiting == 0 { return done(count) }
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in done(count) }
        // Done when all before it is.
        writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }
}
