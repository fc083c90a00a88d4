internal import FeatureModel
internal import NIOCore
internal import Wire

/// The registry's requests to a connection, by which others find a place.
extension ServerConnection {
    /// Others have come since, and it has said no hello.
    func dropGreeting() {
        // It may have said it just now, and has a place by then.
        if connection.isOpen { return }
        closeNow(
            HeadwaterError(.resourceExhausted, "too many connections have not said hello: connect again, and say it at once"))
    }

    /// Others need its place, if it is still idle.
    func makeRoom() {
        guard isIdle else { return registry.stays(id: connectionID) }
        closeNow(HeadwaterError(.unavailable, "the connection was idle, and others need its place: connect again"))
    }

    /// Says why, and does not wait until the client has read it: others need the descriptor.
    private func closeNow(_ error: HeadwaterError) {
        fail(error)
        close()
    }
}

/// How a connection ends.
extension ServerConnection {
    /// Ends the connection, and tells the client why.
    func fail(_ error: HeadwaterError) {
        Discards.take(connection.takePartial())
        perform(connection.fail(error))
        flush()
    }

    func closeFailed(_ error: HeadwaterError) {
        if error == FrameHeader.httpRequest { output.append(HTTPAnswer.bytes) } else { output.append(FrameEncoder.goAway(error)) }
        cancelAll()
        closeAfterFlush()
    }

    func cancelAll() {
        for (exchange, inbound) in requests.endAll() {
            exchange.cancel()
            inbound?.close()
        }
    }

    func closeAfterFlush() {
        guard !isClosing else { return }
        isClosing = true
        if !isReading { flush() }
    }

    /// Closes our half, and soon the rest: closing at once with unread input would reset the connection, and the client
    /// would not read our last words.
    func linger() {
        guard !hasLingered else { return }
        hasLingered = true
        socket.endOutput()
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .milliseconds(250)) { bound.value.close() }
    }
}
