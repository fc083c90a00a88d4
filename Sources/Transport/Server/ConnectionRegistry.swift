internal import CLinux
internal import FeatureModel
internal import NIOCore
internal import Synchronization
internal import Wire

/// Who is at the other end of a connection, as far as the system tells: an IPv4 address, an IPv6 network, a user of this machine.
struct ConnectionPeer: Hashable, Sendable {
    private let kind: UInt32
    private let number: UInt64

    init(of socket: Socket) {
        let peer = linux_peer_of(socket.descriptor)
        (kind, number) = (peer.kind, peer.number)
    }

    init(kind: UInt32, number: UInt64) { (self.kind, self.number) = (kind, number) }

    /// Whether it is the user whom this process runs as, by Unix socket.
    var isOwner: Bool { kind == UInt32(LINUX_PEER_OWNER) }
}

/// How many connections there may be.
struct ConnectionLimits: Sendable {
    /// Connections that have said hello.
    var openMax: Int
    /// Connections that have not said hello.
    var greetingMax = Limits.greetingsMax
    /// All connections, those that are closing included; connections beyond it wait to be accepted.
    var socketsMax = Int.max
    /// Connections of `openMax` that are kept for the user whom the server runs as.
    var ownerReserved: Int { min(Limits.ownerConnectionsReserved, openMax / 8) }
    /// How long one that was used must have been silent before it is closed for another.
    var idlePatience = TimeAmount.seconds(1)

    /// Takes the limits of the options, lowered to the descriptors that there are.
    ///
    /// - Throws: `.resourceExhausted` where there are hardly any.
    init(_ options: ServerOptions) throws(HeadwaterError) {
        let room = try Descriptors.roomForConnections(besides: options.descriptorsElsewhere)
        greetingMax = min(Limits.greetingsMax, room / 8)
        socketsMax = min(room, options.connectionsMax + 2 * Limits.greetingsMax)
        openMax = min(options.connectionsMax, socketsMax - 2 * greetingMax)
    }

    init(openMax: Int) { self.openMax = openMax }
}

/// The connections that a server has open, and who gets in. For any thread.
///
/// Before its hello a connection has a place of its own kind, of which the newest get one. With its hello it takes one of the
/// others: while a quarter of them is free, as many as a peer likes; then no peer gets more than a quarter, and of those that
/// have theirs the one that was idle for longest makes room.
final class ConnectionRegistry: Sendable {
    private struct Open {
        let mailbox: Mailbox<ServerMessage>
        let peer: ConnectionPeer
        let activity: ConnectionActivity
        /// It was asked to make room, and does not count.
        var isLeaving = false
    }

    private struct State {
        var greeting: [UInt64: Mailbox<ServerMessage>] = [:]
        var open: [UInt64: Open] = [:]
        /// Connections of each peer, and of all together, that count.
        var peers: [ConnectionPeer: Int] = [:]
        var countedCount = 0
        /// Since when there is none; `nil` while there are some.
        var emptySince: ContinuousClock.Instant? = .now

        mutating func count(_ peer: ConnectionPeer, _ change: Int) {
            countedCount += change
            let count = peers[peer, default: 0] + change
            peers[peer] = count == 0 ? nil : count
        }
    }

    let limits: ConnectionLimits
    private let state = Mutex(State())
    private let lastID = Atomic<UInt64>(0)
    private let socketCount = Atomic<Int>(0)

    init(_ limits: ConnectionLimits) { self.limits = limits }

    var count: Int { state.withLock { $0.greeting.count + $0.open.count } }

    /// Since when no connection is open; `nil` while some are.
    var emptySince: ContinuousClock.Instant? { state.withLock { $0.emptySince } }
    /// Told when the last connection has closed.
    let emptied = ChangeSignal()

    /// Connections that were ever opened.
    var everCount: UInt64 { lastID.load(ordering: .relaxed) }

    func nextID() -> UInt64 { lastID.add(1, ordering: .relaxed).newValue }

    /// Whether one more may be accepted.
    var hasRoomForSocket: Bool { socketCount.load(ordering: .relaxed) < limits.socketsMax }

    /// A connection was accepted.
    func opened() { socketCount.add(1, ordering: .relaxed) }

    /// Takes in a connection that has not said hello. Where there are too many, the oldest of them goes.
    func enter(_ mailbox: Mailbox<ServerMessage>, id: UInt64) {
        let oldest = state.withLock { state -> Mailbox<ServerMessage>? in
            defer { (state.greeting[id], state.emptySince) = (mailbox, nil) }
            guard state.greeting.count >= limits.greetingMax, let oldest = state.greeting.keys.min() else { return nil }
            // It is counted no more, though it takes a moment to close.
            return state.greeting.removeValue(forKey: oldest)
        }
        oldest?.post(.dropGreeting)
    }

    /// A connection has said hello.
    ///
    /// - Throws: `.resourceExhausted` where there is no place for it.
    func admit(
        _ mailbox: Mailbox<ServerMessage>, id: UInt64, _ peer: ConnectionPeer, _ activity: ConnectionActivity
    ) throws(HeadwaterError) {
        let outcome: Result<Mailbox<ServerMessage>?, HeadwaterError> = state.withLock { state in
            Result { () throws(HeadwaterError) in
                let leaving = try makeRoom(for: peer, &state)
                state.greeting[id] = nil
                state.open[id] = Open(mailbox: mailbox, peer: peer, activity: activity)
                state.count(peer, 1)
                return leaving
            }
        }
        try outcome.get()?.post(.makeRoom)
    }

    /// - Returns: the connection that is to go.
    private func makeRoom(for peer: ConnectionPeer, _ state: inout State) throws(HeadwaterError) -> Mailbox<ServerMessage>? {
        let room = limits.openMax - (peer.isOwner ? 0 : limits.ownerReserved)
        let part = max(1, room / 4)
        let ofPeer = state.peers[peer] ?? 0
        if state.countedCount >= room - part, ofPeer >= part {
            if let idle = takeIdle(&state, { $0 == peer }) { return idle }
            throw HeadwaterError(
                .resourceExhausted,
                "\(ofPeer) connections are open from here, and \(state.countedCount) of \(limits.openMax) in all: close some")
        }
        if state.countedCount >= room {
            if let idle = takeIdle(&state, { _ in true }) { return idle }
            throw HeadwaterError(.resourceExhausted, "\(state.countedCount) connections are open: close some")
        }
        return nil
    }

    private func takeIdle(_ state: inout State, _ isAsked: (ConnectionPeer) -> Bool) -> Mailbox<ServerMessage>? {
        let now = NIODeadline.now()
        var longest: (id: UInt64, since: UInt64)?
        for (id, open) in state.open where !open.isLeaving && isAsked(open.peer) {
            guard let since = open.activity.idleSince(now: now, patience: limits.idlePatience) else { continue }
            if since < longest?.since ?? .max { longest = (id, since) }
        }
        guard let longest, let open = state.open[longest.id] else { return nil }
        state.open[longest.id]?.isLeaving = true
        state.count(open.peer, -1)
        return open.mailbox
    }

    /// A connection that was asked to make room had something to do just then.
    func stays(id: UInt64) {
        state.withLock { state in
            guard let open = state.open[id], open.isLeaving else { return }
            state.open[id]?.isLeaving = false
            state.count(open.peer, 1)
        }
    }

    /// Its socket is closed.
    func remove(id: UInt64) {
        socketCount.subtract(1, ordering: .relaxed)
        let isEmpty = state.withLock { state in
            state.greeting[id] = nil
            if let open = state.open.removeValue(forKey: id), !open.isLeaving { state.count(open.peer, -1) }
            guard state.greeting.isEmpty, state.open.isEmpty else { return false }
            state.emptySince = .now
            return true
        }
        if isEmpty { emptied.tell() }
    }

    /// The connections that have said hello.
    func clients(wallTime: Microseconds) -> [ClientsReport.Client] {
        let open = state.withLock { $0.open.map { ($0.key, $0.value.activity) } }
        let now = NIODeadline.now()
        return open.sorted { $0.0 < $1.0 }.compactMap { $0.1.report(id: $0.0, now: now, wallTime: wallTime) }
    }

    func tellAll(_ message: ServerMessage) {
        let all = state.withLock { Array($0.greeting.values) + $0.open.values.map(\.mailbox) }
        for mailbox in all { mailbox.post(message) }
    }
}
