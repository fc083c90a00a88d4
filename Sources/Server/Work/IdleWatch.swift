import Logging
import ServiceLifecycle
import Transport

/// The part of a server that ends, and the server with it, when no client has been connected for some time.
struct IdleWatch: Service {
    /// How much longer the first client may take to come.
    private static let firstClientLimit = Duration.seconds(10)
    /// A process that was stopped for a while first takes in who came meanwhile.
    private static let secondLook = Duration.milliseconds(100)

    let transport: ServerTransport
    let limit: Duration
    let logger: Logger

    func run() async {
        await cancelWhenGracefulShutdown { await untilIdle() }
    }

    private func untilIdle() async {
        let begun = ContinuousClock.now
        while !Task.isCancelled {
            try? await transport.untilNoneIsConnected()
            guard let since = transport.idleSince else { continue }
            let isFirst = transport.everConnectedCount == 0
            let due = isFirst ? begun + Self.firstClientLimit + limit : since + limit
            if due > .now {
                // Until the first has come it may come and go at any moment, and the time is another one then.
                let look = isFirst ? min(due, .now + max(limit, Self.secondLook)) : due
                try? await Task.sleep(until: look, clock: .continuous)
                continue
            }
            try? await Task.sleep(for: Self.secondLook)
            // The same idleness as before.
            if transport.idleSince == since, !Task.isCancelled { return logger.info("no client is connected any more") }
        }
    }
}
