import ArgumentParser
import FeatureModel
import Foundation
import Log
import Logging
import Server
import ServiceLifecycle
import Transport
import UnixSignals
import Web

/// What all servers take.
struct ServerOptionGroup: ParsableArguments {
    @Option(help: ArgumentHelp("The data directory; made if missing.", valueName: "dir"))
    var data: String

    @Option(
        help: ArgumentHelp(
            "A YAML file of options, such as 'log-level: debug': for those that are neither here nor in the environment. SIGHUP reads it again.",
            valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Where to listen: HOST:PORT, *:PORT for all addresses of IPv4 and IPv6, or unix:PATH; may be repeated. Default: 127.0.0.1:7070 (offline: 7071).",
            valueName: "address"), transform: EndpointArgument.read)
    var listen: [EndpointArgument] = []

    @Option(
        help: ArgumentHelp(
            """
            Where to answer HTTP, on threads of their own: /healthz, /readyz, /metrics, /v1/status, /v1/clients, /v1/slow, and the \
            store's calls as JSON (/openapi.json). By convention 127.0.0.1:7072, \
            for an offline service 127.0.0.1:7073. Default: nowhere.
            """, valueName: "host:port"), transform: HTTPAddressArgument.read)
    var http: HTTPAddressArgument?

    @Flag(help: "Take writes and definitions by HTTP too. Whoever reaches the address may write: there is no authentication.")
    var httpWrites = false

    @Option(
        help: ArgumentHelp(
            """
            A name by which HTTP requests may call this server, beside its addresses and localhost, or * for any; may be repeated. \
            Others are refused, so that a page in a browser cannot reach it by a name of its own.
            """, valueName: "name"))
    var httpHost: [String] = []

    @Option(
        help: ArgumentHelp(
            "A group whose members may read the store's files and use its Unix sockets. Default: only the user who runs the server.",
            valueName: "name"))
    var group: String?

    @Option(
        help: ArgumentHelp(
            """
            What all connections together may hold of requests that come and answers that wait, such as 512MiB. Beyond it large requests wait, and clients \
            that do not read, or send slowly, are disconnected. Default: an eighth of the memory, at least 256MiB.
            """, valueName: "bytes"), transform: ByteSizeArgument.read)
    var networkBytesMax: ByteSizeArgument?

    @Flag(help: "Allow addresses that other machines can reach: there is no TLS and no authentication.")
    var insecure = false

    @Option(
        help: ArgumentHelp(
            """
            Between two scrubs, which read all cold files slowly, check them, and compare the stores: such as 90s, 15m, 24h, 7d, \
            or off. Default: 24h. What they find is logged and shown by 'headwater status'.
            """, valueName: "time"), transform: IntervalArgument.read)
    var scrubInterval = IntervalArgument(duration: .seconds(86_400))

    @Option(
        help: ArgumentHelp(
            "What a scrub reads of files in a second at most. Default: 64MiB. Its comparison of the stores is not held back.",
            valueName: "bytes"), transform: ByteSizeArgument.read)
    var scrubBytesPerSecond: ByteSizeArgument?

    @Option(
        help: ArgumentHelp(
            """
            How long a stop may take to write what makes the next start fast, such as 30s, or off: a snapshot, where the log would else be \
            replayed for more than a second, and the history's last rows. What takes longer is left to the next start. Default: 30s.
            """, valueName: "time"), transform: IntervalArgument.read)
    var stopWithin = IntervalArgument(duration: .seconds(30))

    @Option(
        help: ArgumentHelp(
            """
            Log each request that takes at least so long, such as 50ms, with what it waited for; at most ten a second. Default: off. \
            'headwater slow' shows the slowest in any case.
            """, valueName: "time"), transform: IntervalArgument.read)
    var logSlow = IntervalArgument(duration: nil)

    @Option(
        help: ArgumentHelp(
            """
            A collector of OpenTelemetry that takes OTLP over HTTP, such as http://127.0.0.1:4318. It gets a span for each request \
            whose client names a sampled trace (W3C's traceparent). Default: none.
            """, valueName: "url"), transform: CollectorArgument.read)
    var otlp: CollectorArgument?

    @Option(
        help:
            "The least level that is logged to standard error: trace, debug, info, notice, warning, error or critical. Default: info.",
        transform: LogLevelArgument.read)
    var logLevel = LogLevelArgument.info

    @Option(
        help: "How log lines are written: text, the message before its fields, or json, an object a line. Default: text.",
        transform: ServerLog.Format.read)
    var logFormat = ServerLog.Format.text

    func validate() throws {
        if http == nil, httpWrites || !httpHost.isEmpty {
            throw ValidationError("--http-writes and --http-host go with --http HOST:PORT")
        }
        if let networkBytesMax, networkBytesMax.count < 16 << 20 {
            throw ValidationError("--network-bytes-max is at least 16MiB")
        }
    }

    /// Refuses what the server would refuse only once its stores are open.
    func checkAddresses() throws(HeadwaterError) {
        guard !insecure else { return }
        let addresses = listen.map { (option: "--listen", endpoint: $0.endpoint) }
        let others = http.map { [(option: "--http", endpoint: $0.endpoint)] } ?? []
        for (option, endpoint) in addresses + others where endpoint.letsOthersIn {
            throw HeadwaterError(
                .failedPrecondition,
                "\(option) \(endpoint) would let other machines in, unencrypted: use 127.0.0.1, or pass --insecure")
        }
    }

    func configuration(_ role: ServerConfiguration.Role) -> ServerConfiguration {
        var configuration = ServerConfiguration(role: role, dataDirectory: data)
        configuration.listen = listen.map(\.endpoint)
        configuration.allowInsecure = insecure
        configuration.group = group
        configuration.networkBytesMax = networkBytesMax?.count
        configuration.scrubInterval = scrubInterval.duration
        configuration.slowRequest = logSlow.duration
        configuration.stopWithin = stopWithin.duration ?? .zero
        if let scrubBytesPerSecond { configuration.scrubBytesPerSecond = scrubBytesPerSecond.count }
        return configuration
    }

    private func doors(_ spans: SpanExporter?, _ logger: Logger) -> [any Door] {
        guard let http else { return [] }
        var options = WebServer.Options(endpoint: http.endpoint)
        options.allowInsecure = insecure
        options.hosts = httpHost
        options.allowsWrites = httpWrites
        options.spans = spans
        return [WebServer(options, logger: logger)]
    }

    /// Serves until SIGTERM or Ctrl-C, then drains and closes.
    func run(_ command: any ServerCommand, _ settings: ServerSettings) async throws {
        ServerSignals.prepare()
        try checkAddresses()
        try EventLoops.sizeMemory()
        try await Descriptors.prepareServer()
        let format = logFormat
        let level = ServerLog.Level(logLevel.level)
        LoggingSystem.bootstrap { _ in ServerLog(format, level) }
        let logger = Logger(label: "headwater")
        let configuration = command.serverConfiguration()
        let spans = otlp.map { SpanExporter($0.url, role: configuration.role.rawValue, logger: logger) }
        let server = HeadwaterServer(configuration: configuration, logger: logger, doors: doors(spans, logger), spans: spans)
        // The exporter comes first, and so stops last.
        let exporter = spans.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [exporter].compactMap { $0 } + [
                    .init(
                        service: server, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup),
                    .init(
                        service: Reloading(
                            running: .init(command, settings), server: server, level: level, logger: logger)),
                ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// What servers with the online role take.
struct OnlineOptionGroup: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "When a write is acknowledged: 'sync' once it is on disk, or 'interval:MS', which a power cut may cost that much. Default: sync.",
            valueName: "mode"), transform: DurabilityArgument.read)
    var durability = DurabilityArgument(durability: .sync)

    @Option(
        help: ArgumentHelp(
            "The log keeps what followers have not read, up to so many bytes; beyond it writes are refused. Default: 64GiB.",
            valueName: "bytes"), transform: ByteSizeArgument.read)
    var logBytesMax: ByteSizeArgument?

    @Option(
        help: ArgumentHelp(
            "Size of a file of the log, written ahead with zeros; a new log's first ones are smaller. Default: 64MiB.",
            valueName: "bytes"),
        transform: ByteSizeArgument.read)
    var segmentBytes: ByteSizeArgument?

    @Option(
        help: ArgumentHelp("Rows in memory, in bytes, after which a snapshot is taken. Default: 256MiB.", valueName: "bytes"),
        transform: ByteSizeArgument.read)
    var snapshotBytes: ByteSizeArgument?

    @Option(
        help: ArgumentHelp(
            """
            What online rows may take in memory, the mapped snapshot counted; writes beyond it are refused. Default: no cap.
            """, valueName: "bytes"), transform: ByteSizeArgument.read)
    var memoryBytesMax: ByteSizeArgument?

    func validate() throws {
        if let segmentBytes, segmentBytes.count < 64 << 10 || segmentBytes.count % (4 << 10) != 0 {
            throw ValidationError("--segment-bytes takes a multiple of 4KiB, at least 64KiB")
        }
    }

    func fill(_ configuration: inout ServerConfiguration) {
        configuration.durability = durability.durability
        if let logBytesMax { configuration.logBytesMax = logBytesMax.count }
        if let segmentBytes { configuration.segmentBytes = segmentBytes.count }
        configuration.memoryBytesMax = memoryBytesMax?.count
        if let snapshotBytes { configuration.snapshotMemoryBytes = snapshotBytes.count }
    }
}

/// What servers with the offline role take.
struct OfflineOptionGroup: ParsableArguments {
    @Option(
        help: ArgumentHelp("Rows in memory, in bytes, after which they go to chunk files. Default: 128MiB.", valueName: "bytes"),
        transform: ByteSizeArgument.read)
    var flushBytes: ByteSizeArgument?

    @Option(
        help: ArgumentHelp(
            """
            What all history requests together may hold in memory: spines and answers are taken in parts that fit; where others \
            hold it all, a request waits. Default: 4GiB.
            """, valueName: "bytes"), transform: ByteSizeArgument.read)
    var historyBytesMax: ByteSizeArgument?

    @Option(
        help: ArgumentHelp(
            """
            About what a compaction may hold in memory, and as much a flush beside its rows: with less, fewer chunk files are \
            merged at once. Default: 1GiB.
            """, valueName: "bytes"), transform: ByteSizeArgument.read)
    var compactionBytesMax: ByteSizeArgument?

    func validate() throws {
        if let compactionBytesMax, compactionBytesMax.count < 128 << 20 {
            throw ValidationError("--compaction-bytes-max is at least 128MiB")
        }
        if let historyBytesMax, historyBytesMax.count < 16 << 20 {
            throw ValidationError("--history-bytes-max is at least 16MiB")
        }
    }

    func fill(_ configuration: inout ServerConfiguration) {
        if let flushBytes { configuration.flushMemoryBytes = flushBytes.count }
        if let historyBytesMax { configuration.historyBytesMax = historyBytesMax.count }
        if let compactionBytesMax { configuration.compactionBytesMax = compactionBytesMax.count }
    }
}

struct Serve: ServerCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run both services in one process: the online and the offline one.",
        discussion: """
            Serves until SIGTERM or Ctrl-C, then lets running requests finish.

              headwater serve --data ./store
              headwater serve --data ./store --listen 127.0.0.1:7070 \\
                --listen unix:/run/headwater.sock
              headwater serve --data ./store --durability interval:10
            """)

    @OptionGroup(title: "Server") var server: ServerOptionGroup
    @OptionGroup(title: "Online service") var online: OnlineOptionGroup
    @OptionGroup(title: "Offline service") var offline: OfflineOptionGroup
    @Option(
        help: ArgumentHelp(
            "Stop when no client has been connected for so long, such as 500ms, 2s, or off: for a server that its clients start. Default: off.",
            valueName: "time"), transform: IntervalArgument.read)
    var stopWhenIdle = IntervalArgument(duration: nil)

    func serverConfiguration() -> ServerConfiguration {
        var configuration = server.configuration(.serve)
        configuration.stopWhenIdle = stopWhenIdle.duration
        online.fill(&configuration)
        offline.fill(&configuration)
        return configuration
    }
}

struct Online: ServerCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the online service alone: definitions, writes, latest features.",
        discussion: """
            It owns DIR/log and DIR/online. Run 'headwater offline' on the same directory, or with --follow on another machine, \
            for history.

              headwater online --data ./store
            """)

    @OptionGroup(title: "Server") var server: ServerOptionGroup
    @OptionGroup(title: "Online service") var online: OnlineOptionGroup

    func serverConfiguration() -> ServerConfiguration {
        var configuration = server.configuration(.online)
        online.fill(&configuration)
        return configuration
    }
}

struct Offline: ServerCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the offline service alone: history.",
        discussion: """
            It owns DIR/offline and follows DIR/log, or with --follow an online service elsewhere. It answers also while the \
            online service is down. Where the log no longer reaches back far enough, it first fetches the history of another \
            offline service that the online one knows: the one on its own directory, or another follower.

              headwater offline --data ./store
              headwater offline --data ./history --follow 10.0.0.5:7070
            """)

    @OptionGroup(title: "Server") var server: ServerOptionGroup
    @OptionGroup(title: "Offline service") var offline: OfflineOptionGroup
    @Option(
        help: ArgumentHelp("The online service to follow, instead of the log in DIR.", valueName: "address"),
        transform: EndpointArgument.read)
    var follow: EndpointArgument?

    func serverConfiguration() -> ServerConfiguration {
        var configuration = server.configuration(.offline)
        offline.fill(&configuration)
        configuration.follow = follow?.endpoint
        return configuration
    }
}
