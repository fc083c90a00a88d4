internal import FeatureModel
internal import NIOCore

/// A listening socket, on its loop: hands each connection to one of the server's loops, in turn.
final class Listener: SocketWatcher {
    /// Connections accepted in one turn of the loop.
    private static let acceptedMax = 16
    /// How long to let connections wait when there is no room for one.
    private static let pause = TimeAmount.milliseconds(20)

    private let socket: Socket
    private let loops: [ServerLoop]
    private let isTCP: Bool
    private let registry: ConnectionRegistry
    private let accepted: @Sendable (Socket, ServerLoop) -> Void
    private var lastLoop = 0
    private var token: UInt64 = 0
    private var isOpen = true

    private var loop: ServerLoop { loops[0] }

    /// Called on the first of the loops, which the listening socket is watched by.
    ///
    /// - Parameter accepted: takes a connection, on its loop, and closes it some day.
    init(
        _ socket: Socket, loops: [ServerLoop], isTCP: Bool, registry: ConnectionRegistry,
        _ accepted: @escaping @Sendable (Socket, ServerLoop) -> Void
    ) throws(SystemFailure) {
        self.socket = socket
        self.loops = loops
        self.isTCP = isTCP
        self.registry = registry
        self.accepted = accepted
        token = try loop.watch(socket, for: .readable, self)
    }

    func isReady(_ readiness: Readiness) {
        for _ in 0..<Self.acceptedMax {
            // The last descriptors are not for connections.
            guard registry.hasRoomForSocket else { return pause() }
            switch socket.accept() {
            case .socket(let connection):
                registry.opened()
                if isTCP { connection.sendAtOnce() }
                hand(connection)
            case .aborted: continue
            case .notReady: return
            // Left ready it would wake the loop for ever.
            case .noRoom, .failed: return pause()
            }
        }
    }

    private func hand(_ connection: Socket) {
        lastLoop = (lastLoop + 1) % loops.count
        let (loop, accepted) = (loops[lastLoop], accepted)
        if loop.inEventLoop { accepted(connection, loop) } else { loop.execute { accepted(connection, loop) } }
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.close(socket)
    }

    func loopEnds() { close() }

    private func pause() {
        try? loop.change(socket, token, to: [])
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: Self.pause) { bound.value.resume() }
    }

    private func resume() {
        if isOpen { try? loop.change(socket, token, to: .readable) }
    }
}
