import FeatureModel
import TestSupport
import Wire

/// The asking end of a connection: connects when there is something to ask, and fails what is open when the link breaks.
final class Caller {
    typealias Answer = (Result<Frame, HeadwaterError>) -> Void

    private struct Call {
        let answer: Answer
        let data: ((Frame) -> Void)?
    }

    private struct Waiting {
        let method: Wire.Method
        let head: [UInt8]
        let body: [UInt8]
        let number: UInt64
    }

    private unowned let world: World
    let role: Role
    private let name: String
    /// Answers that came over a link that is no longer this one's are dropped.
    private var generation = 0
    private var link: Link?
    private var end: Half?
    private var waiting: [Waiting] = []
    private var calls: [UInt64: Call] = [:]
    /// Call number by request id of the present connection.
    private var requests: [UInt64: UInt64] = [:]
    private var callCount: UInt64 = 0
    /// Which life of the service the present connection reached, and what it said of itself.
    private(set) var life = 0
    private(set) var hello: HelloReply?

    init(_ world: World, to role: Role, name: String) {
        self.world = world
        self.role = role
        self.name = name
    }

    /// Asks; `answer` is called once, with UNAVAILABLE where the connection is lost and DEADLINE_EXCEEDED at the time-out.
    func call(
        _ method: Wire.Method, _ head: some Head, body: [UInt8] = [], timeout: Microseconds, data: ((Frame) -> Void)? = nil,
        answer: @escaping Answer
    ) {
        callCount += 1
        let number = callCount
        calls[number] = Call(answer: answer, data: data)
        waiting.append(Waiting(method: method, head: head.encode(), body: body, number: number))
        connect()
        sendWaiting()
        world.schedule("time-out", at: world.now + timeout) { [weak self] in
            guard let self, calls[number] != nil else { return }
            // A client that gives up does not know whether what it sent will still arrive.
            if world.random.chance(0.5) { abandon() }
            finish(number, .failure(HeadwaterError(.deadlineExceeded, "no answer in time")))
        }
    }

    /// Drops the connection; bytes under way to the server may still arrive there.
    func abandon() {
        guard let link else { return }
        world.network.close(link, by: .client, losingInFlight: world.random.chance(0.5))
        lose("the client hung up")
    }

    private func connect() {
        guard link == nil else { return }
        generation += 1
        guard let frontend = world.frontend(for: role) else { return nobodyListens(generation) }
        let opened = world.network.open()
        let half = Half(.client)
        link = opened
        end = half
        life = world.online.life
        attach(opened, generation)
        frontend.accept(opened)
        let frame = half.machine.hello(HelloRequest.with { $0.clientName = name })
        world.network.send(frame.bytes, from: .client, over: opened)
    }

    private func nobodyListens(_ mine: Int) {
        world.schedule("refused", at: world.now + 500) { [weak self] in
            guard let self else { return }
            if generation == mine { lose("nobody listens") }
        }
    }

    private func attach(_ link: Link, _ mine: Int) {
        link.attach(
            .client, receive: { [weak self] bytes in self?.receive(bytes, in: mine) },
            closed: { [weak self] in self?.closed(in: mine) })
    }

    private func closed(in mine: Int) { if generation == mine { lose("the connection broke") } }

    private func sendWaiting() {
        guard let link, let end, end.machine.isOpen else { return }
        let items = waiting
        waiting = []
        for item in items where calls[item.number] != nil {
            do throws(HeadwaterError) {
                let frame = try end.machine.request(item.method, head: item.head, body: item.body[...])
                requests[frame.header.requestID] = item.number
                world.network.send(frame.bytes, from: .client, over: link)
            } catch {
                finish(item.number, .failure(error))
            }
        }
    }

    private func receive(_ bytes: ArraySlice<UInt8>, in mine: Int) {
        guard generation == mine, let end else { return }
        end.machine.receive(bytes)
        while generation == mine, let event = end.machine.nextEvent() {
            switch event {
            case .helloDone(let reply):
                hello = reply
                sendWaiting()
            case .data(let frame):
                let id = frame.header.requestID
                if let link, let credit = end.machine.consumed(frame.header.payloadBytes, requestID: id) {
                    world.network.send(credit.bytes, from: .client, over: link)
                }
                if let number = requests[id] { calls[number]?.data?(frame) }
            case .answered(let frame):
                guard let number = requests.removeValue(forKey: frame.header.requestID) else { continue }
                if let error = frame.error { finish(number, .failure(error)) } else { finish(number, .success(frame)) }
            case .send(let frame): if let link { world.network.send(frame.bytes, from: .client, over: link) }
            case .failed(let error):
                world.violate("protocol", "client \(name): \(error)")
                return lose("the protocol failed")
            case .goAway, .pong, .credit, .hello, .request, .cancelled: break
            }
        }
    }

    private func finish(_ number: UInt64, _ result: Result<Frame, HeadwaterError>) {
        calls.removeValue(forKey: number)?.answer(result)
    }

    private func lose(_ reason: String) {
        generation += 1
        link = nil
        end = nil
        requests = [:]
        waiting = []
        for number in calls.keys.sorted() { finish(number, .failure(HeadwaterError(.unavailable, reason))) }
    }
}

/// A connection's state machine, shared by reference.
final class Half {
    var machine: Connection

    init(_ side: Connection.Side) { machine = Connection(side) }
}
