import Catalog
public import FeatureModel
import Synchronization
public import Transport
import Wire

/// A client of one Headwater store: finds the server of each role, connects again after a loss, retries what is safe.
///
/// For any task or thread; calls run side by side.
public final class HeadwaterClient: Sendable {
    public let project: String
    public let configuration: ClientConfiguration
    /// The address that the client was given.
    public let endpoint: Endpoint
    /// Microseconds by which the server's clock was ahead of ours when we connected, by what its hello said.
    public let serverClockAhead: Microseconds
    /// 16 bytes that name the log of the store.
    public let logID: [UInt8]
    let connections: Connections
    let producer = ProducerSession()
    let preparedAnew = Mutex(PreparedAnew())

    private init(
        project: String, configuration: ClientConfiguration, endpoint: Endpoint, connections: Connections, hello: HelloReply,
        now: Microseconds
    ) {
        self.project = project
        self.configuration = configuration
        self.endpoint = endpoint
        self.connections = connections
        serverClockAhead = hello.wallTime == 0 ? 0 : hello.wallTime - now
        logID = hello.logID
    }

    /// The project of those who name none, in a store that has none or several.
    public static let defaultProject = "default"

    /// Connects to a server.
    ///
    /// - Parameters:
    ///   - address: `HOST:PORT` or `unix:PATH`.
    ///   - project: the namespace of all names; `nil` for the store's only one, or `default` where it has none or several.
    ///   - clock: what `serverClockAhead` is measured by.
    /// - Throws: `.invalidArgument` for an address that is none, `.unavailable` where nobody answers there.
    public static func connect(
        _ address: String, project: String?, configuration: ClientConfiguration = ClientConfiguration(),
        clock: any WallClock = SystemClock()
    ) async throws(HeadwaterError) -> HeadwaterClient {
        let endpoint = try Endpoint(address)
        let hello = HelloRequest.with {
            $0.project = project ?? defaultProject
            $0.clientName = configuration.name
            $0.clientVersion = HeadwaterVersion.current
        }
        let connections = Connections(first: endpoint, hello: hello, options: configuration.transport)
        let transport = try await connections.connection(to: nil)
        func client(of project: String) -> HeadwaterClient {
            HeadwaterClient(
                project: project, configuration: configuration, endpoint: endpoint, connections: connections,
                hello: transport.hello, now: clock.now())
        }
        if let project { return client(of: project) }
        let unnamed = client(of: defaultProject)
        // If the server cannot be asked, the next call says why.
        let others = (try? await unnamed.list().value.otherProjects) ?? []
        return others.count == 1 ? client(of: others[0]) : unnamed
    }

    /// Runs calls as parts of a trace: the server names it in its log, and where it is sampled sends a span for each to the
    /// collector that it was told of.
    ///
    /// - Parameter traceparent: W3C's header, `00-TRACE-PARENT-01`; one that is malformed is passed over.
    public static func withTrace<Answer>(
        _ traceparent: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Answer
    ) async rethrows -> Answer {
        try await TraceContext.$ofTask.withValue(TraceContext(traceparent), operation: body)
    }

    /// Closes all connections; calls that wait fail with `.cancelled`.
    public func close() async { await connections.close() }
}
