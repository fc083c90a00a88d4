import NIOCore
import NIOPosix
import ServiceLifecycle
import Transport

/// The part of a server that looks once a second what is due: cutoffs, the log's end that nobody
/// needs, flushes, cuts of audits, freed memory.
struct Housekeeping: Service {
    private static let interval = TimeAmount.seconds(1)

    let services: Services
    let transport: ServerTransport

    func run() async {
        let freed = FreedMemory(services.workers)
        let timer = NIOSingletons.posixEventLoopGroup.next().scheduleRepeatedTask(
            initialDelay: Self.interval, delay: Self.interval
        ) { _ in
            services.online?.housekeep()
            services.offline?.housekeep()
            services.auditViews.expire(now: Monotonic.now())
            freed.look(transport)
        }
        try? await gracefulShutdown()
        timer.cancel()
    }
}
