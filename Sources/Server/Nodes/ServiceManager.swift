import FeatureModel
import Logging
import Transport

/// Tells the service manager that started this process, systemd or one like it, how far it is. Where there is none, nothing
/// happens; one that does not listen is logged and does not hurt the server.
struct ServiceManager: Sendable {
    let socket: NotifySocket?
    let logger: Logger

    /// What a step of a long start may take before the next is told of.
    private static let stepMicroseconds: Microseconds = 300_000_000
    /// What a stop takes beside running requests and what makes the next start fast.
    private static let closeMicroseconds: Microseconds = 15_000_000

    /// A start that replays a long log goes on: the manager is asked for more time, and shows how far it is.
    func replaying(_ applied: Position, of last: Position) {
        tell("EXTEND_TIMEOUT_USEC=\(Self.stepMicroseconds)", status: "replaying the log: position \(applied) of \(last)")
    }

    func ready(at endpoints: [Endpoint]) {
        tell("READY=1", status: "serving at \(endpoints.map(\.description).joined(separator: ", "))")
    }

    /// - Parameter limit: what running requests, and then writing for the next start, may take.
    func stopping(within limit: Duration) {
        let most = limit.microseconds + Self.closeMicroseconds
        tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=\(most)", status: "stopping: no new requests, running ones finish")
    }

    private func tell(_ state: String, status: String) {
        guard let socket else { return }
        let problem = socket.send("\(state)\nSTATUS=\(status)")
        if problem != 0 {
            logger.warning(
                "the service manager does not hear of this process", metadata: ["errno": "\(problem)", "state": "\(status)"])
        }
    }
}
