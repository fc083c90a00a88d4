import FeatureModel
import NIOCore
import NIOPosix
import SocketSupport
import Testing
import Wire

@testable import Transport

/// Who gets a place among the connections.
@Suite(.timeLimit(.minutes(1)), .serialized) struct AdmissionTests {
    private static let owner = ConnectionPeer(kind: 4, number: 0)

    private static func peer(_ number: UInt64) -> ConnectionPeer { ConnectionPeer(kind: 1, number: number) }

    /// A registry whose connections say hello and do nothing more, or are at work.
    private final class Hall {
        let registry: ConnectionRegistry
        let loop: any EventLoop = NIOSingletons.posixEventLoopGroup.next()
        var messages: [UInt64: Mailbox<ServerMessage>] = [:]

        init(_ openMax: Int) { registry = ConnectionRegistry(ConnectionLimits(openMax: openMax)) }

        @discardableResult
        func come(_ peer: ConnectionPeer, isBusy: Bool = true) throws -> UInt64 {
            let id = registry.nextID()
            let mailbox = Mailbox<ServerMessage>(eventLoop: loop)
            mailbox.open {}
            messages[id] = mailbox
            let activity = ConnectionActivity(now: .now())
            activity.setInFlight(isBusy ? 1 : 0)
            registry.opened()
            registry.enter(mailbox, id: id)
            do { try registry.admit(mailbox, id: id, peer, activity) } catch {
                registry.remove(id: id)
                throw error
            }
            return id
        }

        /// Whether it was asked to make room.
        func isAsked(_ id: UInt64) -> Bool {
            messages[id]?.take().contains { if case .makeRoom = $0 { true } else { false } } ?? false
        }
    }

    @Test func onePeerTakesThreeQuartersAndNoMore() throws {
        let hall = Hall(160)
        var count = 0
        while (try? hall.come(Self.peer(1))) != nil { count += 1 }
        // Of 144 that are not kept for the owner.
        #expect(count == 108)
        for other in 2...200 as ClosedRange<UInt64> where (try? hall.come(Self.peer(other))) != nil { count += 1 }
        #expect(count == 144)
        // The owner finds the places that are kept, and no more than those.
        for _ in 0..<16 { try hall.come(Self.owner) }
        #expect(throws: HeadwaterError.self) { try hall.come(Self.owner) }
    }

    @Test func underPressureNoPeerGetsMoreThanAQuarter() throws {
        let hall = Hall(160)
        for other in 10..<118 as Range<UInt64> { try hall.come(Self.peer(other)) }
        var count = 0
        while (try? hall.come(Self.peer(1))) != nil { count += 1 }
        #expect(count == 36)
    }

    @Test func theOneThatWasIdleForLongestMakesRoom() throws {
        let hall = Hall(160)
        let first = try hall.come(Self.peer(1), isBusy: false)
        let second = try hall.come(Self.peer(1), isBusy: false)
        for _ in 2..<108 { try hall.come(Self.peer(1)) }
        try hall.come(Self.peer(1))
        #expect(hall.isAsked(first) && !hall.isAsked(second))
        // It had something to do just then, and counts again.
        hall.registry.stays(id: first)
        try hall.come(Self.peer(1))
        #expect(hall.isAsked(second) || hall.isAsked(first))
    }

    @Test func aThousandThatSayHelloAndIdleKeepNobodyOut() async throws {
        var options = ServerOptions()
        options.connectionsMax = 40
        try await withServer(.tcp(host: "127.0.0.1", port: 0), options) { server in
            var idle: [RawClient] = []
            for _ in 0..<120 {
                let raw = try await RawClient(server.endpoint)
                try await raw.send(RawClient.hello)
                #expect(try await eventually { !raw.received.isEmpty || raw.isClosed })
                idle.append(raw)
            }
            let client = try await ClientTransport.connect(to: server.endpoint)
            _ = try await client.call(.prepare, head: [])
            #expect(server.transport.connectionCount <= 40)
            // Who had to go was told why.
            let closed = try #require(idle.first { $0.isClosed })
            #expect(try closed.frames().last?.error?.code == .unavailable)
            await client.close()
            for raw in idle where !raw.isClosed { try? await raw.channel.close() }
        }
    }

    @Test func silentConnectionsHaveAPoolOfTheirOwnAndTheOldestGoes() async throws {
        try await withServer { server in
            let working = try await ClientTransport.connect(to: server.endpoint)
            var silent: [RawClient] = []
            for _ in 0..<300 { silent.append(try await RawClient(server.endpoint)) }
            #expect(try await eventually { server.transport.connectionCount <= Limits.greetingsMax + 1 })
            #expect(try await eventually { silent.prefix(150).allSatisfy(\.isClosed) })
            #expect(silent.suffix(100).allSatisfy { !$0.isClosed })
            let client = try await ClientTransport.connect(to: server.endpoint)
            _ = try await client.call(.prepare, head: [])
            _ = try await working.call(.prepare, head: [])
            await client.close()
            await working.close()
            for raw in silent where !raw.isClosed { try? await raw.channel.close() }
        }
    }
}
