import FeatureModel
import TestSupport
import Wire

/// One direction of a link, named by who sends.
enum Side: Int { case client, server }

/// A connection between two programs: bytes arrive in order and whole, late, or not at all once it breaks.
final class Link {
    let number: Int
    /// Whether each side still takes bytes.
    fileprivate(set) var isOpen = [true, true]
    fileprivate var lastArrival: [Microseconds] = [0, 0]
    fileprivate var receive: [((ArraySlice<UInt8>) -> Void)?] = [nil, nil]
    fileprivate var closed: [(() -> Void)?] = [nil, nil]

    fileprivate init(number: Int) { self.number = number }

    func attach(_ side: Side, receive: @escaping (ArraySlice<UInt8>) -> Void, closed: @escaping () -> Void) {
        self.receive[side.rawValue] = receive
        self.closed[side.rawValue] = closed
    }
}

/// The transport: delays, cuts into pieces, reorders across links but never within one, and breaks links.
final class Network {
    private unowned let world: World
    private(set) var links: [Link] = []
    private var linkCount = 0

    init(_ world: World) { self.world = world }

    /// Opens a link to a frontend that listens.
    func open() -> Link {
        linkCount += 1
        let link = Link(number: linkCount)
        links.append(link)
        return link
    }

    private func delay() -> Microseconds { Microseconds(world.random.int(world.scenario.latency)) }

    func send(_ bytes: [UInt8], from side: Side, over link: Link) {
        guard link.isOpen[side.rawValue] else { return }
        let arrival = max(link.lastArrival[side.rawValue] + 1, world.now + delay())
        link.lastArrival[side.rawValue] = arrival
        let other = side == .client ? Side.server : .client
        world.schedule("deliver", at: arrival) { [unowned self] in
            guard link.isOpen[other.rawValue], let receive = link.receive[other.rawValue] else { return }
            // Sometimes in two pieces, which a decoder must join.
            if bytes.count > 1, self.world.random.chance(0.1) {
                let cut = self.world.random.int(1...bytes.count - 1)
                receive(bytes[..<cut])
                if link.isOpen[other.rawValue] { receive(bytes[cut...]) }
            } else {
                receive(bytes[...])
            }
        }
    }

    /// One side goes away: it hears nothing more; what it sent may still arrive, and the other side learns of it later.
    func close(_ link: Link, by side: Side, losingInFlight: Bool) {
        guard link.isOpen[side.rawValue] else { return }
        link.isOpen[side.rawValue] = false
        let other = side == .client ? Side.server : .client
        if losingInFlight { return closeNow(link, other) }
        let at = max(link.lastArrival[side.rawValue] + 1, world.now + delay())
        world.schedule("hang up", at: at) { [unowned self] in closeNow(link, other) }
    }

    /// The link breaks in the middle: both sides learn of it, and what is under way is lost.
    func cut(_ link: Link) {
        world.figures.disconnects += 1
        closeNow(link, .server)
        closeNow(link, .client)
    }

    private func closeNow(_ link: Link, _ side: Side) {
        if link.isOpen[side.rawValue] {
            link.isOpen[side.rawValue] = false
            link.closed[side.rawValue]?()
        }
        guard link.isOpen == [false, false] else { return }
        link.receive = [nil, nil]
        link.closed = [nil, nil]
        links.removeAll { $0 === link }
    }
}
