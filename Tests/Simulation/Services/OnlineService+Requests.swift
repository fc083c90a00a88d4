import Catalog
import Engine
import FeatureModel
import Log
import OnlineStore
import Server
import Wire

/// A read that waits for a position.
struct ParkedRead {
    let resume: () -> Void
    let expire: () -> Void
}

extension OnlineService {
    func handle(_ request: Request) throws(HeadwaterError) {
        guard let engine, let process else { throw HeadwaterError(.unavailable, "the online service is not here") }
        let now = trustedTime(process)
        switch request.method {
        case .write: try write(request, engine, now)
        case .openProducer:
            submit(.openProducer) { outcome in
                switch outcome {
                case .openedProducer(let position, let epoch):
                    request.respond(
                        OpenProducerReply.with {
                            $0.producer = position
                            $0.epoch = epoch
                        })
                case .failed(let error): request.fail(error)
                default: preconditionFailure("a session is answered as a session")
                }
            }
        case .apply:
            let head = try ApplyRequest(decoding: request.frame.head)
            define(.define(try Definitions.decode(json: request.frame.body, project: head.project)), request)
        case .promote:
            let head = try PromoteRequest(decoding: request.frame.head)
            define(.promote(Promotion(project: head.project, .group, head.name, isForced: head.force), history: [:]), request)
        case .remove:
            let head = try RemoveRequest(decoding: request.frame.head)
            define(
                .remove(Removal(project: head.project, .group, head.name, keepsHistory: head.keepHistory), history: [:]), request)
        case .prepare:
            let head = try PrepareRequest(decoding: request.frame.head)
            request.respond(
                try GetRequests.prepare(
                    head, catalog: engine.state.catalog, handles: handles, connection: request.connection))
        case .getPrepared: try get(request, engine)
        case .follow: try follow(request, engine)
        default: try acknowledge(request, engine)
        }
    }

    private func define(_ command: OnlineCommand, _ request: Request) {
        submit(command) { outcome in
            switch outcome {
            case .defined(_, let position): request.respond(ApplyReply.with { $0.position = position })
            case .failed(let error): request.fail(error)
            default: preconditionFailure("definitions are answered as definitions")
            }
        }
    }

    // MARK: Writes

    private func write(_ request: Request, _ engine: OnlineEngine, _ now: Microseconds) throws(HeadwaterError) {
        let head = try WriteRequest(decoding: request.frame.head)
        let checked = try CheckedRequest(
            head, request.frame.body, catalog: engine.state.catalog, plans: engine.state.plans, now: now)
        submit(checked.command) { outcome in
            switch outcome {
            case .written(let answer, let isDuplicate):
                request.respond(
                    WriteReply(answer, isDuplicate: isDuplicate, rowCounts: checked.rowCounts), body: answer.replyBody)
            case .failed(let error): request.fail(error)
            default: preconditionFailure("a write is answered as a write")
            }
        }
    }

    // MARK: Reads

    private func get(_ request: Request, _ engine: OnlineEngine) throws(HeadwaterError) {
        let head = try GetPreparedRequest(decoding: request.frame.head)
        let body = request.frame.body
        let header = try body.withBytes { (bytes) throws(HeadwaterError) in try PackedColumns.Header(decoding: bytes) }
        let entry = try handles.entry(header.tag, connection: request.connection)
        try whenApplied(head.minPosition, request, engine) { () throws(HeadwaterError) in
            let answer = try GetRequests.get(
                head, body, entry, rowCount: header.rowCount, state: engine.state, store: engine.store, now: 0,
                frameBytesMax: .max)
            request.respond(encodedHead: [], body: answer)
        }
    }

    private func whenApplied(
        _ position: Position, _ request: Request, _ engine: OnlineEngine, _ read: @escaping () throws(HeadwaterError) -> Void
    ) throws(HeadwaterError) {
        let state = engine.state.current
        let applied = engine.store.appliedPosition
        try KnownPositions(applied: applied, gaps: state.gaps, last: state.lastPosition).check(position)
        if position <= applied { return try read() }
        nextParked += 1
        gate.park(nextParked, until: position, deadline: world.now + 400_000)
        parked[nextParked] = ParkedRead(
            resume: { do throws(HeadwaterError) { try read() } catch { request.fail(error) } },
            expire: { [weak self] in
                request.fail(
                    HeadwaterError(.deadlineExceeded, "the deadline came before the position was applied"),
                    applied: self?.engine?.store.appliedPosition)
            })
    }

    /// Resumes reads whose position is applied now.
    func wake(_ engine: OnlineEngine) {
        for token in gate.wake(applied: engine.store.appliedPosition) { parked.removeValue(forKey: token)?.resume() }
    }

    func expire() { for token in gate.expire(now: world.now) { parked.removeValue(forKey: token)?.expire() } }

    // MARK: Followers elsewhere

    private func follow(_ request: Request, _ engine: OnlineEngine) throws(HeadwaterError) {
        let head = try FollowRequest(decoding: request.frame.head)
        guard head.logID == engine.logID.bytes else {
            throw HeadwaterError(.failedPrecondition, "the follower has followed another log")
        }
        onWriter { [unowned self] engine in
            do throws(HeadwaterError) {
                let name = ByteString(head.follower)
                let known = try engine.follower(name).position
                if known > head.durablePosition { try engine.register(follower: name, position: head.durablePosition) }
                if known < head.durablePosition { try engine.acknowledge(follower: name, position: head.durablePosition) }
            } catch { return request.fail(error) }
            guard let process else { return }
            stream(request, LogFeed(world.log(process.storage)), after: head.fromPosition - 1)
        }
    }

    /// Sends what is durable behind a position, and looks again a little later.
    private func stream(_ request: Request, _ feed: LogFeed, after position: Position) {
        guard let process, request.isOpen else { return }
        var position = position
        do throws(HeadwaterError) {
            if request.window > 0, let batch = try feed.read(after: position) {
                request.send(FollowData.with { $0.durablePosition = batch.durable }, body: LogRecords.encode(batch.records))
                position = batch.records.last!.position
            }
        } catch {
            if process.hasCrashed { return world.crashed(process) }
            return request.fail(error)
        }
        let (mine, next) = (life, position)
        world.schedule("follow", at: world.now + 5_000) { [weak self] in
            if let self, life == mine { stream(request, feed, after: next) }
        }
    }

    private func acknowledge(_ request: Request, _ engine: OnlineEngine) throws(HeadwaterError) {
        let head = try AcknowledgeRequest(decoding: request.frame.head)
        onWriter { engine in
            do throws(HeadwaterError) {
                let name = ByteString(head.follower)
                if head.register {
                    try engine.register(follower: name, position: head.position)
                    // Nobody else follows: the log need not wait for the service beside it that never comes.
                    _ = try? engine.forgetFollower(named: OnlineEngine.localFollowerName)
                } else {
                    try engine.acknowledge(follower: name, position: head.position)
                }
                request.respond(AcknowledgeReply.with { $0.durablePosition = engine.state.current.durablePosition })
            } catch { request.fail(error) }
        }
    }
}
