internal import NIOCore

/// When the kernel has taken what was written.
extension ChannelHandlerContext {
    /// Whether the kernel has taken all that was flushed.
    var hasWrittenAll: Bool {
        guard let waiting = try? channel.syncOptions?.getOption(.bufferedWritableBytes) else { return false }
        return waiting == 0
    }

    /// Calls `done` on the event loop when the kernel has taken all that was written so far, or never will.
    func whenWritten(_ done: @escaping @Sendable () -> Void) {
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in done() }
        // Done when all before it is.
        writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }
}
