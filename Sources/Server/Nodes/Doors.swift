import Logging
import ServiceLifecycle

/// The part of a server that keeps its other doors: they close first when it stops, while what they ask of the server is still
/// answered.
struct Doors: Service {
    let services: Services
    let doors: [any Door]
    let manager: ServiceManager

    func run() async {
        for door in doors { door.serve(ServerView(services: services)) }
        try? await gracefulShutdown()
        guard !doors.isEmpty else { return }
        services.logger.info("stopping: requests at other doors finish first")
        manager.stopping(within: services.configuration.drainLimit * 2 + services.configuration.stopWithin)
        services.beginStop()
        // A task of its own, so that a cancelled one does not cut it short.
        await Task { for door in doors { await door.close(within: services.configuration.drainLimit) } }.value
    }
}
