internal import FeatureModel
internal import NIOCore
internal import Wire

/// Since when a connection keeps us waiting: for its hello, for the rest of a frame, for its reading of our output.
struct ConnectionWatch {
    private(set) var helloSince: NIODeadline?
    private(set) var frameSince: NIODeadline?
    private(set) var lastReceived = NIODeadline.uptimeNanoseconds(0)
    private(set) var outputSince: NIODeadline?
    /// Bytes that waited then, and how many of them still do.
    private(set) var outputBytes = 0
    private var outputBytesLeft = 0

    var isWaiting: Bool { helloSince != nil || frameSince != nil || outputSince != nil }

    mutating func began(at now: NIODeadline) { helloSince = now }
    mutating func greeted() { helloSince = nil }

    mutating func received(insideFrame: Bool, at now: NIODeadline) {
        lastReceived = now
        frameSince = insideFrame ? frameSince ?? now : nil
    }

    /// Output was sent, of which the kernel took so many bytes, and so many
    /// wait. Only when all that waited has gone does the time begin anew.
    mutating func outputMoved(_ byteCount: Int, unsent: Int, at now: NIODeadline) {
        outputBytesLeft -= byteCount
        if outputSince != nil && unsent > 0 && outputBytesLeft > 0 { return }
        (outputSince, outputBytes, outputBytesLeft) = (unsent > 0 ? now : nil, unsent, unsent)
    }
}

/// Timeouts of a connection.
extension ServerConnection {
    /// Sees to it that a check comes while the connection keeps us waiting; an idle one has no timer.
    func armWatch() {
        guard watchTimer == nil, watch.isWaiting, !isClosed else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let timeout = watch.helloSince == nil ? options.frameTimeout : min(options.helloTimeout, options.frameTimeout)
        let interval = TimeAmount.nanoseconds(Int64(timeout.nanoseconds / 4))
        watchTimer = loop.scheduleTask(in: interval) { bound.value.checkWatch() }
    }

    private func checkWatch() {
        watchTimer = nil
        guard !isClosed else { return }
        let now = NIODeadline.now()
        if let since = watch.outputSince, now - since > allowance(watch.outputBytes) {
            return close()
        }
        if let since = watch.helloSince, now - since > .nanoseconds(Int64(options.helloTimeout.nanoseconds)) {
            fail(HeadwaterError(.deadlineExceeded, "no hello within \(options.helloTimeout)"))
            return
        }
        // A client is not slow while the server itself holds reading back.
        if let since = watch.frameSince, !isOverloaded,
            now - watch.lastReceived > allowance(0) || now - since > allowance(connection.announcedBytes)
        {
            fail(HeadwaterError(.deadlineExceeded, "the rest of a frame did not come within \(options.frameTimeout)"))
            return
        }
        armWatch()
    }

    /// How long moving so many bytes may take.
    private func allowance(_ byteCount: Int) -> TimeAmount {
        let transfer = Int64(byteCount) * 1_000_000_000 / Int64(max(1, options.bytesPerSecondMin))
        return .nanoseconds(Int64(options.frameTimeout.nanoseconds) + transfer)
    }
}
