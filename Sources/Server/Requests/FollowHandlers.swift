import Catalog
import Engine
import FeatureModel
import Log
import StorageIO
import Transport
import Wire

/// follow, acknowledge, forget: the log for an offline service elsewhere.
struct FollowHandlers {
    /// How long what comes next is gathered for a follower that has everything: records go in few frames where many are written.
    static let gatherTime = Duration.milliseconds(5)

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        switch request.method {
        case .follow:
            let head = try request.decode(FollowRequest.self)
            try check(head.logID, name: head.follower)
            guard request.hello.capabilities.contains(RecordBody.compactCapability) else {
                throw HeadwaterError(
                    .failedPrecondition,
                    "follower '\(PlainText.quoted(head.follower))' is of an older version, which cannot read records of few rows: upgrade it"
                )
            }
            Task {
                do { try await follow(head, online, responder) } catch { responder.fail(asHeadwaterError(error)) }
            }
        case .acknowledge:
            let head = try request.decode(AcknowledgeRequest.self)
            try check(head.logID, name: head.follower)
            online.engine.run { engine in
                do throws(HeadwaterError) {
                    let durable = try acknowledge(head, engine)
                    responder.respond(head: AcknowledgeReply.with { $0.durablePosition = durable })
                } catch { responder.fail(error) }
            }
        default:
            let head = try request.decode(ForgetRequest.self)
            online.engine.run { engine in
                do throws(HeadwaterError) {
                    let position = try engine.forgetFollower(named: ByteString(head.follower))
                    services.followers.forget(head.follower)
                    responder.respond(head: ForgetReply.with { $0.position = position })
                } catch { responder.fail(error) }
            }
        }
    }

    /// On the engine's thread: what it knows to be durable includes all that a follower can have.
    ///
    /// - Returns: the log's durable end.
    func acknowledge(_ head: AcknowledgeRequest, _ engine: OnlineEngine) throws(HeadwaterError) -> Position {
        let name = ByteString(head.follower)
        if head.register {
            // Names that were registered before there were rules stay good.
            if let problem = Names.problem(with: head.follower), (try? engine.follower(name)) == nil {
                throw HeadwaterError(.invalidArgument, "a follower's name: \(PlainText.quoted(problem))")
            }
            try engine.register(follower: name, position: head.position)
        } else {
            try engine.acknowledge(follower: name, position: head.position)
        }
        services.followers.heard(head.follower, now: services.clock.now())
        return engine.state.current.durablePosition
    }

    private func check(_ logID: [UInt8], name: String) throws(HeadwaterError) {
        guard logID.isEmpty || logID == services.logID else {
            throw HeadwaterError(.failedPrecondition, "the follower has followed another log: give it an empty data directory")
        }
        guard !name.isEmpty, name.utf8.count <= Limits.nameBytesMax else {
            throw HeadwaterError(.invalidArgument, "a follower's name has 1 to \(Limits.nameBytesMax) bytes")
        }
        guard ByteString(name) != OnlineEngine.localFollowerName else {
            throw HeadwaterError(
                .invalidArgument, "'\(PlainText.quoted(name))' is the follower of the log's own data directory: take another name"
            )
        }
    }

    /// Streams records as they become durable, until the follower goes away or the server drains.
    private func follow(_ head: FollowRequest, _ online: OnlineNode, _ responder: Responder) async throws {
        guard head.fromPosition >= 1, head.durablePosition < head.fromPosition else {
            throw HeadwaterError(
                .invalidArgument,
                "from position \(head.fromPosition) with \(head.durablePosition) durable: positions start at 1, and "
                    + "what is durable lies before what is wanted")
        }
        let source = Confined(
            FollowSource(services.log), to: services.workers.follow)
        var position = head.fromPosition - 1
        let start = position
        // One that was forgotten hears just that, before it hears what the log no longer holds.
        try await online.engine.call { _ = try $0.follower(ByteString(head.follower)) }
        // What may change the stream's course wakes it, from before its first read on: records, a follower that is let go, a
        // client that goes, a server that stops.
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let wake: @Sendable () -> Void = { change.yield() }
        let listener = online.logGrew.listen(wake)
        defer { online.logGrew.end(listener) }
        responder.onCancel(wake)
        responder.onDrain(wake)
        // Read before its position counts: where the log lost its end, nothing may move.
        var batch = try await source.call { try $0.read(after: start) }
        let session = try await enter(head, online, wake)
        defer { services.followers.end(head.follower, session) }
        var iterator = changes.makeAsyncIterator()
        if batch.frames.isEmpty {
            // So that it knows at once that it follows, and that nothing is missing.
            let durable = batch.durablePosition
            guard responder.send(head: FollowData.with { $0.durablePosition = durable }, body: []) else { return }
        }
        while !responder.isCancelled {
            if responder.isDraining {
                let durable = batch.durablePosition
                return responder.respond(head: FollowEnd.with { $0.durablePosition = durable })
            }
            for frame in batch.frames {
                await withCheckedContinuation { continuation in responder.whenWritable { continuation.resume() } }
                guard !responder.isDraining, !session.isForgotten else { break }
                let data = FollowData.with { $0.durablePosition = batch.durablePosition }
                guard responder.send(head: data, body: frame.body[...]) else { return }
                position = frame.last
            }
            guard !session.isForgotten else {
                throw HeadwaterError(.notFound, "follower '\(head.follower)' was forgotten: register it again, or start anew")
            }
            if batch.frames.isEmpty {
                await iterator.next()
                if !responder.isDraining { try await Task.sleep(for: Self.gatherTime) }
            }
            let next = position
            batch = try await source.call { try $0.read(after: next) }
        }
    }

    /// From here on the log keeps what the follower does not hold durably, also where it once held more.
    ///
    /// - Throws: `.notFound` for one that is not registered.
    private func enter(
        _ head: FollowRequest, _ online: OnlineNode, _ wake: @escaping @Sendable () -> Void
    ) async throws -> FollowerRegistry.Session {
        try await online.engine.call { engine in
            let name = ByteString(head.follower)
            let known = try engine.follower(name)
            if known.position > head.durablePosition { try engine.register(follower: name, position: head.durablePosition) }
            if known.position < head.durablePosition { try engine.acknowledge(follower: name, position: head.durablePosition) }
            // On the thread that forgets: the stream of a follower that is let go behind this hears of it.
            return services.followers.begin(head.follower, addresses: head.addresses, now: services.clock.now(), wake: wake)
        }
    }
}

/// The log as one follower reads it.
final class FollowSource {
    /// Records behind a position, cut into bodies of data frames.
    struct Batch: Sendable {
        let frames: [(body: [UInt8], last: Position)]
        let durablePosition: Position
    }

    private let log: any RecordLog
    private var reader: (any LogReading)?

    init(_ log: any RecordLog) { self.log = log }

    /// - Throws: `.outOfRange` where the log no longer holds what follows,
    ///   `.dataLoss` where it ends before `position` or is damaged.
    func read(after position: Position) throws(HeadwaterError) -> Batch {
        let reader = if let open = reader { open } else { try log.openReader() }
        self.reader = reader
        let durable = reader.durablePosition
        guard position <= durable else {
            throw HeadwaterError(
                .dataLoss, "the follower has position \(position), but the log ends at \(durable): the log lost its end")
        }
        guard position < durable else { return Batch(frames: [], durablePosition: durable) }
        let records = try reader.read(after: position, limitBytes: WireLimits.dataFrameBytesTarget)
        return Batch(
            frames: Self.cut(records).map { (LogRecords.encode(Array($0)), $0.last?.position ?? position) },
            durablePosition: durable)
    }

    /// Runs of records of no more than a data frame's bytes, but at least one each.
    static func cut(_ records: [Record]) -> [ArraySlice<Record>] {
        var runs: [ArraySlice<Record>] = []
        var start = 0
        var bytes = 0
        for (index, record) in records.enumerated() {
            let more = LogRecords.encodedBytes(record)
            if index > start, bytes + more > WireLimits.dataFrameBytesTarget {
                runs.append(records[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += more
        }
        if start < records.count { runs.append(records[start...]) }
        return runs
    }
}
