import Engine
import FeatureModel
import TestSupport
import Wire

enum Role: String { case online, offline }

/// The listening end of one process: speaks the protocol, and hands requests to the services of the process.
final class Frontend {
    private unowned let world: World
    private let process: Process
    private let roles: [Role]
    private var connections: [Int: Served] = [:]

    init(_ world: World, _ process: Process, roles: [Role]) {
        self.world = world
        self.process = process
        self.roles = roles
    }

    func accept(_ link: Link) {
        let served = Served(world, link)
        connections[link.number] = served
        link.attach(
            .server,
            receive: { [weak self, unowned served] bytes in self?.receive(bytes, served) },
            closed: { [weak self] in
                self?.connections.removeValue(forKey: link.number)?.isOpen = false
                self?.world.online.handles.remove(connection: UInt64(link.number))
            })
    }

    /// The process ends: nothing more is sent, and clients learn of it.
    func close() {
        for number in connections.keys.sorted() {
            guard let served = connections.removeValue(forKey: number) else { continue }
            served.isOpen = false
            world.network.close(served.link, by: .server, losingInFlight: world.random.chance(0.5))
        }
    }

    private func receive(_ bytes: ArraySlice<UInt8>, _ served: Served) {
        served.end.receive(bytes)
        while served.isOpen, process.isAlive, let event = served.end.nextEvent() {
            switch event {
            case .hello:
                let reply = HelloReply.with {
                    $0.roles = roles.map(\.rawValue)
                    $0.logID = world.online.logID ?? []
                    $0.wallTime = process.machine.wall(world.now)
                }
                if let frame = served.end.acceptHello(reply) { world.network.send(frame.bytes, from: .server, over: served.link) }
            case .request(let frame, let method): handle(Request(frame: frame, method: method, served: served))
            case .send(let frame): world.network.send(frame.bytes, from: .server, over: served.link)
            case .failed(let error): world.violate("protocol", "server: \(error)")
            case .data, .cancelled, .credit, .goAway, .pong, .helloDone, .answered: break
            }
        }
    }

    private func handle(_ request: Request) {
        world.figures.requests += 1
        do throws(HeadwaterError) {
            switch request.method {
            case .write, .openProducer, .apply, .promote, .remove, .prepare, .getPrepared, .follow, .acknowledge:
                try world.online.handle(request)
            case .history, .scan: try world.offline.handle(request)
            default: throw HeadwaterError(.unimplemented, "not a part of the simulation")
            }
        } catch {
            request.fail(error)
        }
    }
}

/// One accepted connection.
final class Served {
    private unowned let world: World
    let link: Link
    var end = Connection(.server)
    var isOpen = true

    init(_ world: World, _ link: Link) {
        self.world = world
        self.link = link
    }

    func send(_ frame: EncodedFrame) {
        guard isOpen, end.admitFromServer(frame) else { return }
        world.network.send(frame.bytes, from: .server, over: link)
    }
}

/// One request that waits for its answer.
struct Request {
    let frame: Frame
    let method: Wire.Method
    let served: Served

    var id: UInt64 { frame.header.requestID }
    var isOpen: Bool { served.isOpen }
    var connection: UInt64 { UInt64(served.link.number) }

    func respond(_ head: some Head, body: [UInt8] = []) { respond(encodedHead: head.encode(), body: body) }

    func respond(encodedHead head: [UInt8], body: [UInt8]) {
        served.send(FrameEncoder.answer(method, requestID: id, head: head, body: body[...]))
    }

    func fail(_ error: HeadwaterError, applied: Position? = nil) {
        served.send(FrameEncoder.failure(method, requestID: id, error, appliedPosition: applied))
    }

    /// One frame of a stream.
    func send(_ head: some Head, body: [UInt8]) {
        var header = FrameHeader(.data, method: method, requestID: id)
        header.isEnd = false
        served.send(FrameEncoder.encode(header, head: head.encode(), body: body[...]))
    }

    var window: Int { served.end.sendWindow(requestID: id) ?? 0 }
}
