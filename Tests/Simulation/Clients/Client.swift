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

    var wall: Microseconds { world.onlineMachine.wall(world.now) + clockSkew }

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
        default: writeInSession()
        }
    }

    // MARK: Definitions and sessions

    private func define(_ wanted: Int) {
        open += 1
        let definitions = Workload.definitions[wanted]
        let head = ApplyRequest.with { $0.project = Workload.project }
        online.call(.apply, head, body: definitions.encodeJSON(), timeout: 1_500_000) { [weak self] result in
            guard let self else { return }
            open -= 1
            switch result {
            case .success: world.definedStep = max(world.definedStep, wanted)
            case .failure(let error): refused(error, "definitions", [.unavailable, .deadlineExceeded, .resourceExhausted])
            }
        }
    }

    private func writeInSession() {
        guard let session else { return openSession() }
        sequence += 1
        write(stamp: ProducerStamp(producer: session.producer, epoch: session.epoch, sequence: sequence))
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
                guard let reply = try? OpenProducerReply(decoding: frame.head) else { return }
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

    private func write(stamp: ProducerStamp) {
        let maker = WriteMaker(client: number, keyCount: world.scenario.keyCount, step: step, wall: wall)
        let write = world.journal.add(
            client: number, entries: { maker.entries(number: $0, &world.random) }, stamp: stamp)
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
        // Whoever was told sees it.
        if world.acceptsWork, world.random.chance(0.3) { get(minPosition: answer.position, keysOf: write) }
    }

    func answer(_ frame: Frame) -> WriteAnswer? {
        guard let reply = try? WriteReply(decoding: frame.head) else { return nil }
        return WriteAnswer(
            position: reply.position, ingestTime: reply.ingestTime, newerKeyCount: UInt32(reply.keysWithNewerRows),
            listed: (0..<frame.body.count / 4).map { frame.body.littleEndian(at: $0 * 4) })
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
        case .invalidArgument, .notFound: step = max(0, step - 1)
        case .dataLoss where world.hasDamage:
            // It may be taken, and only its answer unknown.
            write.openAttempts -= 1
            open -= 1
            return
        default: world.violate("P3", "write \(write.number) was answered \(error)")
        }
        write.openAttempts -= 1
        open -= 1
        if write.openAttempts == 0, write.answer == nil { world.checker.refused(write, error.code) }
    }

    private func tryAgain(_ write: Write, _ attempt: Int, pause: ClosedRange<Int>) {
        // Without a session a second attempt might be a second write: its outcome stays unknown.
        guard write.stamp.producer != 0 else {
            open -= 1
            if write.openAttempts == 0 { world.checker.refused(write, .resourceExhausted) }
            return
        }
        world.figures.retries += 1
        world.schedule("retry", at: world.now + Microseconds(world.random.int(pause))) { [weak self] in
            self?.send(write, attempt: attempt + 1)
        }
    }
}
