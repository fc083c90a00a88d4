import Catalog
import Engine
import FeatureModel
import TestSupport
import Wire

/// One client: writes with retries, several at once, and reads back what it was told.
final class Client {
    unowned let world: World
    let number: Int
    let online: Caller
    let offline: Caller
    /// What this client believes of the definitions.
    private var step = 0
    private(set) var session: (producer: UInt64, epoch: UInt32)?
    private var isOpening = false
    /// The latest step that this client sent, in force or not: no earlier one can follow it.
    private(set) var sentStep = 0
    private var sequence: UInt64 = 0
    /// Operations without a final outcome.
    var open = 0
    /// Acknowledged writes of this client.
    private(set) var done: [Write] = []
    private let clockSkew: Microseconds

    init(_ world: World, number: Int) {
        self.world = world
        self.number = number
        online = Caller(world, to: .online, name: "client \(number)")
        offline = Caller(world, to: .offline, name: "client \(number)")
        clockSkew = Microseconds(world.random.int(-3_000_000...3_000_000))
    }

    /// Clients' clocks are right, to a few seconds, whatever the server's shows.
    var wall: Microseconds { Workload.epoch + world.now + clockSkew }

    /// Does one thing, if it may, and goes on a little later.
    func live() {
        if world.acceptsWork, open < world.scenario.pipelineMax { act() }
        guard world.acceptsWork else { return }
        world.schedule("client", at: world.now + Microseconds(world.random.int(200...40_000))) { [weak self] in self?.live() }
    }

    private func act() {
        step = max(step, world.random.chance(0.8) ? world.definedStep : step)
        guard world.definedStep >= 0 else {
            if number == 0 { define(0) }
            return
        }
        switch world.random.int(0...99) {
        case 0..<2 where number == 0: define(min(world.definedStep + 1, Workload.stepCount - 1))
        case 2..<4: session = nil
        case 4..<8: retryDone()
        case 8..<11: reuseSequence()
        case 11..<13: writeStale()
        case 13..<15: writeNonsense()
        case 15..<33: get()
        case 33..<43: history()
        case 43..<50: write(stamp: .none)
        case 50..<58 where number == 0: takeTurn()
        default: writeInSession()
        }
    }

    // MARK: Definitions and sessions

    func define(_ wanted: Int, then: ((Bool) -> Void)? = nil) {
        open += 1
        sentStep = max(sentStep, wanted)
        let definitions = Workload.definitions[wanted]
        let head = ApplyRequest.with { $0.project = Workload.project }
        online.call(.apply, head, body: definitions.encodeJSON(), timeout: 1_500_000) { [weak self] result in
            guard let self else { return }
            open -= 1
            switch result {
            case .success(let frame):
                guard let reply = try? ApplyReply(decoding: frame.head) else {
                    return world.violate("protocol", "the answer of definitions cannot be read")
                }
                world.checker.defined(wanted, at: reply.position)
                world.definedStep = max(world.definedStep, wanted)
                then?(true)
            case .failure(let error):
                refused(error, "definitions", [.unavailable, .deadlineExceeded, .resourceExhausted])
                if error.code == .resourceExhausted { world.operatorSnapshots() }
                then?(false)
            }
        }
    }

    /// The stamp of the next write of this client's session; `.none` without one.
    func nextStamp() -> ProducerStamp {
        guard let session else { return .none }
        sequence += 1
        return ProducerStamp(producer: session.producer, epoch: session.epoch, sequence: sequence)
    }

    private func writeInSession() {
        if session == nil { openSession() } else { write(stamp: nextStamp()) }
    }

    private func openSession() {
        guard !isOpening else { return }
        isOpening = true
        open += 1
        online.call(.openProducer, OpenProducerRequest.with { $0.project = Workload.project }, timeout: 1_000_000) {
            [weak self] result in
            guard let self else { return }
            open -= 1
            isOpening = false
            switch result {
            case .success(let frame):
                guard let reply = try? OpenProducerReply(decoding: frame.head) else {
                    return world.violate("protocol", "the answer of a session cannot be read")
                }
                world.checker.opened(reply.producer)
                session = (reply.producer, reply.epoch)
                sequence = 0
                world.journal.sessions.append(reply.producer)
            case .failure(let error): refused(error, "a session", [.unavailable, .deadlineExceeded, .resourceExhausted])
            }
        }
    }

    /// Counts an operation that failed, and complains where it had no reason to.
    func refused(_ error: HeadwaterError, _ what: String, _ allowed: [StatusCode]) {
        world.figures.failed += 1
        world.note("failed", [UInt64(number), UInt64(error.code.rawValue)], "\(what): \(error)")
        if allowed.contains(error.code) || world.hasDamage && error.code == .dataLoss { return }
        world.violate("codes", "client \(number): \(what) was refused for no reason: \(error)")
    }

    // MARK: Writes

    func write(stamp: ProducerStamp, settled: ((WriteAnswer?) -> Void)? = nil) {
        var maker = WriteMaker(client: number, keyCount: world.scenario.keyCount, step: step, wall: wall)
        if !world.mayForget { maker.passing = Turn.standing(after: world.turns)?.versions.map(Turn.schema) ?? [] }
        let write = world.journal.add(
            client: number, entries: { maker.entries(number: $0, &world.random) }, stamp: stamp)
        write.settled = settled
        world.figures.writes += 1
        open += 1
        send(write, attempt: 0)
    }

    private func send(_ write: Write, attempt: Int) {
        if write.sent == nil { write.sent = world.journal.step() }
        write.openAttempts += 1
        world.note("send", [UInt64(write.number), UInt64(attempt)])
        online.call(.write, request(write.stamp), body: write.body, timeout: Microseconds(world.random.int(60_000...1_000_000))) {
            [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let frame): acknowledged(write, frame)
            case .failure(let error): failed(write, error, attempt)
            }
        }
    }

    func request(_ stamp: ProducerStamp) -> WriteRequest {
        WriteRequest.with {
            $0.project = Workload.project
            $0.producer = stamp.producer
            $0.epoch = stamp.epoch
            $0.sequence = stamp.sequence
        }
    }

    private func acknowledged(_ write: Write, _ frame: Frame) {
        open -= 1
        guard let answer = answer(frame) else { return }
        write.openAttempts -= 1
        world.checker.acknowledged(write, answer)
        done.append(write)
        settle(write, answer)
        // Whoever was told sees it.
        if world.acceptsWork, world.random.chance(0.3) { get(minPosition: answer.position, keysOf: write) }
    }

    func answer(_ frame: Frame) -> WriteAnswer? {
        guard let reply = try? WriteReply(decoding: frame.head) else {
            world.violate("protocol", "the answer of a write cannot be read")
            return nil
        }
        return WriteAnswer(
            position: reply.position, ingestTime: reply.ingestTime, newerKeyCount: UInt32(reply.keysWithNewerRows),
            listed: (0..<frame.body.count / 4).map { frame.body.littleEndian(at: $0 * 4) },
            belowCutoffCount: UInt32(reply.rowsBelowCutoff), behindTombstoneCount: UInt32(reply.rowsBehindTombstone))
    }

    private func failed(_ write: Write, _ error: HeadwaterError, _ attempt: Int) {
        world.note("write failed", [UInt64(write.number), UInt64(error.code.rawValue)], error.description)
        switch error.code {
        case .unavailable, .deadlineExceeded, .cancelled: return tryAgain(write, attempt, pause: 5_000...80_000)
        case .resourceExhausted:
            write.openAttempts -= 1
            world.figures.exhausted += 1
            world.operatorSnapshots()
            return tryAgain(write, attempt, pause: 50_000...300_000)
        case .failedPrecondition:
            // Another session, or other definitions than this client knew.
            if write.stamp.producer == session?.producer { session = nil }
            step = max(0, step - 1)
            if !world.mayForget, world.journal.sessions.contains(write.stamp.producer), error.message.contains("producer session")
            {
                world.violate("P3", "session \(write.stamp.producer) was forgotten: \(error)")
            }
            if !error.message.contains("producer session"), !write.isPassing { forgot(error) }
        case .invalidArgument, .notFound:
            step = max(0, step - 1)
            // A clock that was set back makes the present the future.
            if !error.message.contains("in the future"), !write.isPassing { forgot(error) }
        case .dataLoss where world.hasDamage:
            // It may be taken, and only its answer unknown.
            write.openAttempts -= 1
            open -= 1
            return settle(write, nil)
        default: world.violate("P3", "write \(write.number) was answered \(error)")
        }
        write.openAttempts -= 1
        open -= 1
        if write.openAttempts == 0, write.answer == nil { world.checker.refused(write, error.code) }
        settle(write, nil)
    }

    /// The service does not know definitions that a client was told of.
    private func forgot(_ error: HeadwaterError) {
        if !world.mayForget { world.violate("P1", "client \(number): definitions were forgotten: \(error)") }
    }

    private func settle(_ write: Write, _ answer: WriteAnswer?) {
        let settled = write.settled
        write.settled = nil
        settled?(answer)
    }

    private func tryAgain(_ write: Write, _ attempt: Int, pause: ClosedRange<Int>) {
        // Without a session a second attempt might be a second write: its outcome stays unknown.
        guard write.stamp.producer != 0 else {
            open -= 1
            if write.openAttempts == 0 { world.checker.refused(write, .resourceExhausted) }
            return settle(write, nil)
        }
        world.figures.retries += 1
        world.schedule("retry", at: world.now + Microseconds(world.random.int(pause))) { [weak self] in
            self?.send(write, attempt: attempt + 1)
        }
    }
}
