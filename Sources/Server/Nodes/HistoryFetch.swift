import Engine
import FeatureModel
import Logging
import OfflineStore
import Transport
import Wire

/// Fetches the history of an offline service that has one, for a follower that the log alone cannot serve any more.
///
/// The follower is registered at the history's position before its first byte is kept: the log then
/// waits for it. A transfer that breaks off is started again from its beginning, with whatever the
/// other service has by then. Nothing here changes before all of it is here and checked.
struct HistoryFetch {
    private static let reportInterval: Microseconds = 5_000_000

    let services: Services
    let name: String
    let online: ClientTransport
    /// What serves an older history meanwhile, if anything does.
    let node: OfflineNode?
    /// Registers the follower at a position, or says that it is still at it.
    let acknowledge: @Sendable (Position, _ isNew: Bool) async throws -> Void

    private var logID: [UInt8] { online.hello.logID }

    /// Asks one service after the other.
    ///
    /// - Throws: where none has given its history: what each of them said, and what to do.
    func run() async throws {
        var failures: [String] = []
        var isPassing = false
        for source in sources() {
            do { return try await fetch(from: source) } catch {
                if Task.isCancelled { throw error }
                let failure = asHeadwaterError(error)
                services.logger.error("the history of \(source) could not be taken", metadata: ["error": "\(failure)"])
                failures.append("\(source): \(failure)")
                isPassing = isPassing || failure.code == .unavailable
            }
        }
        let tried = failures.isEmpty ? "it knows of no offline service" : failures.joined(separator: "; ")
        let failure = HeadwaterError(
            isPassing ? .unavailable : .failedPrecondition,
            "the log of \(online.endpoint) does not reach back to this follower, so it needs the history of an offline service, but "
                + "\(tried); start one that has it, or restore a copy of its offline directory here")
        services.history.fetch = StatusReport.Bootstrap(source: "\(online.endpoint)", failure: "\(failure)")
        throw failure
    }

    /// The online service itself, where it is both, then those that it names.
    private func sources() -> [Endpoint] {
        var all = online.hello.roles.contains("offline") ? [online.endpoint] : []
        for peer in online.hello.peers where peer.role == "offline" {
            guard let endpoint = try? Endpoint(peer.address) else { continue }
            for endpoint in [endpoint.seen(through: online.endpoint), endpoint] where !all.contains(endpoint) {
                all.append(endpoint)
            }
        }
        let own = services.listening.endpoints
        return all.filter { !own.contains($0) }
    }

    private func fetch(from source: Endpoint) async throws {
        let hello = HelloRequest.with { ($0.clientName, $0.clientVersion) = (name, HeadwaterVersion.current) }
        let transport =
            source == online.endpoint ? online : try await ClientTransport.connect(to: source, hello: hello)
        guard transport.hello.logID == logID else {
            throw HeadwaterError(.failedPrecondition, "it has no history of this log")
        }
        let history = try HistoryImport(
            storage: services.storage, dataDirectory: services.configuration.dataDirectory, logID: logID, store: node?.store)
        let worker = SerialWorker()
        let incoming = Confined(history, to: worker)
        do {
            try await receive(incoming, from: transport)
            await worker.shutdown()
        } catch {
            incoming.run { $0.abandon() }
            await worker.shutdown()
            throw error
        }
    }

    private func receive(_ incoming: Confined<HistoryImport>, from transport: ClientTransport) async throws {
        let request = BootstrapRequest.with { ($0.follower, $0.logID) = (name, logID) }
        var progress = StatusReport.Bootstrap(source: "\(transport.endpoint)")
        var reported: Microseconds?
        for try await item in transport.stream(.bootstrap, head: request) {
            let head = try BootstrapData(decoding: item.head)
            if reported == nil {
                try await start(head, from: transport)
                (progress.position, progress.totalBytes) = (head.position, Int(clamping: head.totalBytes))
            }
            let piece = HistoryPiece(
                file: head.file, fileBytes: Int(clamping: head.fileBytes), offset: Int(clamping: head.offset),
                bytes: item.body, checksum: head.checksum)
            progress.receivedBytes = try await incoming.call { history in
                try history.take(piece)
                return history.receivedBytes
            }
            services.history.fetch = progress
            if let last = reported, Monotonic.now() - last < Self.reportInterval { continue }
            // Also when it was let go meanwhile, it should hear so now and not at the end.
            if reported != nil { try await acknowledge(progress.position, false) }
            reported = Monotonic.now()
            log("fetching history", progress)
        }
        let position = progress.position
        try await incoming.call { history in
            guard history.position == position else {
                throw HeadwaterError(.dataLoss, "the history is not of position \(position), which its sender stated")
            }
            try history.commit()
        }
        log("the history is here", progress)
    }

    /// Makes the log wait for this follower at the history's position.
    private func start(_ head: BootstrapData, from transport: ClientTransport) async throws {
        // What readers have seen, chunks hold it or not, must not go back.
        guard head.position >= node?.store.appliedPosition ?? 0 else {
            throw HeadwaterError(.outOfRange, "its history ends at \(head.position), before the one that stands here")
        }
        try await acknowledge(head.position, true)
    }

    private func log(_ what: String, _ progress: StatusReport.Bootstrap) {
        services.logger.info(
            "\(what)",
            metadata: [
                "from": "\(progress.source)", "position": "\(progress.position)",
                "bytes": "\(progress.receivedBytes) of \(progress.totalBytes)",
            ])
    }
}
