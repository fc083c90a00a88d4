import FeatureModel
import TestSupport
import Testing

@testable import Wire

@Suite struct ConnectionTests {
    @Test func anythingButHelloFirstIsAViolation() {
        for frame in [requestFrame(.prepare, id: 1), FrameEncoder.encode(FrameHeader(.ping)), FrameEncoder.goAway(nil)] {
            let server = ConnectionBox(.server, WireLimits())
            #expect(server.feed(frame.bytes).first?.failure?.code == .invalidArgument)
            #expect(server.feed(helloFrame().bytes).isEmpty)
        }
    }

    @Test func aHelloEndsLinesForServersThatWaitForOne() throws {
        var decoder = FrameDecoder()
        decoder.receive(ConnectionBox(.client, WireLimits()).hello().bytes[...])
        let frame = try #require(try decoder.next())
        #expect(Array(frame.extensionBytes) == [3, 0, 4, 0] + Array("eol\r\n\r\n".utf8))
    }

    @Test func framesBeforeTheReplyToHelloAreAViolation() {
        let server = ConnectionBox(.server, WireLimits())
        let events = server.feed(helloFrame().bytes + requestFrame(.prepare, id: 2).bytes)
        #expect(events.count == 2 && events[1].failure != nil)
    }

    @Test func theLimitIsSmallBeforeHelloAndLargeAfter() throws {
        let (_, server) = try openPair()
        #expect(server.feed(requestFrame(.write, id: 2, body: Array(repeating: 0, count: 1 << 20)).bytes).first?.request != nil)
        let early = ConnectionBox(.server, WireLimits())
        #expect(early.feed(requestFrame(.hello, id: 1, body: Array(repeating: 0, count: 1 << 20)).bytes).first?.failure != nil)
    }

    @Test func aListTooLongForAHeadIsSaidInNamesAndNotInBytesOfAFrame() throws {
        let head = [UInt8](repeating: 1, count: WireLimits.headBytesMax + 1)
        var client = Connection(.client, limits: WireLimits())
        let server = ConnectionBox(.server, WireLimits())
        _ = server.feed(client.hello(HelloRequest()).bytes)
        let reply = try #require(server.acceptHello())
        client.receive(reply.bytes[...])
        _ = client.nextEvent()
        #expect {
            _ = try client.request(.prepare, head: head)
        } throws: { error in
            let error = error as? HeadwaterError
            return error?.code == .resourceExhausted && error!.message.contains("list of names")
                && !error!.message.contains("batches")
        }
        // From a client that does not look.
        let failure = server.feed(requestFrame(.prepare, id: 2, head: head).bytes).first?.failure
        #expect(failure?.code == .resourceExhausted && failure!.message.contains("list of names"))
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "POST /x HTTP/1.0\r\n", "HEAD / HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n"])
    func aRequestOfHTTPIsKnownAsOne(_ text: String) {
        for piece in [Array(text.utf8), Array(text.utf8) + [UInt8](repeating: 32, count: 64)] {
            #expect(ConnectionBox(.server, WireLimits()).feed(piece).first?.failure == FrameHeader.httpRequest)
        }
        let other = ConnectionBox(.server, WireLimits()).feed(
            Array("GETX and what not, and more than a header holds of it all".utf8))
        #expect(other.first?.failure != FrameHeader.httpRequest && other.first?.failure != nil)
    }

    @Test func aSessionGivesTheSameEventsAtEverySplitPoint() {
        let bytes =
            requestFrame(.prepare, id: 2, head: [1], body: [2, 3], budget: 9).bytes
            + requestFrame(.history, id: 3, isEnd: false).bytes
            + FrameEncoder.credit(.history, requestID: 3, bytes: 10).bytes
            + FrameEncoder.encode(FrameHeader(.ping, requestID: 8)).bytes
            + FrameEncoder.encode(FrameHeader(.cancel, method: .prepare, requestID: 2)).bytes
        func events(_ pieces: [ArraySlice<UInt8>]) -> [String] {
            var server = openServer()
            var summaries: [String] = []
            for piece in pieces {
                server.receive(piece)
                while let event = server.nextEvent() { summaries.append(event.summary) }
            }
            return summaries
        }
        let whole = events([bytes[...]])
        #expect(whole.count == 5)
        for split in 0...bytes.count { #expect(events([bytes[..<split], bytes[split...]]) == whole) }
        #expect(events(bytes.map { [$0] }) == whole)
    }

    @Test func anUnknownMethodIsUnimplementedAndTheConnectionGoesOn() throws {
        let (client, server) = try openPair()
        var header = FrameHeader(.request, requestID: 2)
        header.methodCode = 999
        let refusal = try #require(server.feed(FrameEncoder.encode(header).bytes).first?.sent)
        #expect(refusal.header.status == .unimplemented && refusal.header.requestID == 2)
        #expect(server.feed(requestFrame(.prepare, id: 3).bytes).first?.request != nil)
        _ = client
    }

    @Test func requestIdsMustRise() throws {
        for id in [0, 1, 2] as [UInt64] {
            let (_, server) = try openPair()
            _ = server.feed(requestFrame(.prepare, id: 2).bytes)
            #expect(server.feed(requestFrame(.prepare, id: id).bytes).first?.failure?.code == .invalidArgument)
        }
    }

    @Test func requestsAndStreamsBeyondTheLimitsAreRefusedOneByOne() throws {
        var limits = WireLimits()
        limits.requestsInFlightMax = 3
        limits.streamsOpenMax = 1
        let (_, server) = try openPair(server: limits)
        #expect(server.feed(requestFrame(.scan, id: 2).bytes).first?.request != nil)
        #expect(server.feed(requestFrame(.scan, id: 3).bytes).first?.sent?.header.status == .resourceExhausted)
        #expect(server.feed(requestFrame(.prepare, id: 4).bytes).first?.request != nil)
        #expect(server.feed(requestFrame(.prepare, id: 5).bytes).first?.request != nil)
        #expect(server.feed(requestFrame(.prepare, id: 6).bytes).first?.sent?.header.status == .resourceExhausted)
        #expect(server.admit(FrameEncoder.answer(.prepare, requestID: 4, head: [])))
        #expect(server.feed(requestFrame(.prepare, id: 7).bytes).first?.request != nil)
    }

    @Test func aCancelledRequestKeepsItsSlotUntilItIsAnswered() throws {
        let (client, server) = try openPair()
        let sent = try client.request(.prepare)
        _ = server.feed(sent.bytes)
        let cancel = try #require(client.cancel(sent.header.requestID))
        guard case .cancelled(2)? = server.feed(cancel.bytes).first else { throw HeadwaterError(.internal, "no cancel") }
        #expect(server.feed(cancel.bytes).isEmpty)
        #expect(server.requestsInFlight == 1 && client.requestsInFlight == 1)
        let answer = FrameEncoder.failure(.prepare, requestID: 2, HeadwaterError(.cancelled, "as asked"))
        #expect(server.admit(answer) && !server.admit(answer))
        #expect(client.feed(answer.bytes).isEmpty)
        #expect(server.requestsInFlight == 0 && client.requestsInFlight == 0)
        #expect(server.requestBytesInFlight == 0)
    }

    @Test func creditIsCountedInBytesBothWays() throws {
        var limits = WireLimits()
        limits.initialWindowBytes = 100
        let (client, server) = try openPair(client: limits, server: limits)
        let request = try client.request(.history, isEnd: false)
        _ = server.feed(request.bytes)
        let first = try #require(client.data(99))
        #expect(server.feed(first.bytes).first?.data != nil && client.window() == 1)
        // One byte of window is enough for a frame of any size; the next one has to wait.
        let second = try #require(client.data(500))
        #expect(server.feed(second.bytes).first?.data != nil && client.window() == -499)
        let credit = try #require(server.consumed(599))
        guard case .credit(2, 599)? = client.feed(credit.bytes).first else { throw HeadwaterError(.internal, "no credit") }
        #expect(client.window() == 100)
        _ = server.feed(try #require(client.data(1, isEnd: true)).bytes)
        #expect(client.data(1, isEnd: true) == nil)
        #expect(server.consumed(1) == nil)
        let item = FrameEncoder.encode(FrameHeader(.data, method: .history, requestID: 2), head: [1, 2], body: [3])
        #expect(server.admit(item) && server.window() == 97)
        #expect(client.feed(item.bytes).first?.data != nil)
    }

    @Test func dataBeyondTheWindowIsAViolation() throws {
        var limits = WireLimits()
        limits.initialWindowBytes = 100
        let (client, server) = try openPair(server: limits)
        _ = server.feed(try client.request(.history, isEnd: false).bytes)
        _ = server.feed(try #require(client.data(100)).bytes)
        let beyond = try #require(client.data(1))
        #expect(server.feed(beyond.bytes).first?.failure?.code == .invalidArgument)
    }

    @Test func dataAfterTheAnswerIsDroppedAndDataForNoRequestIsAViolation() throws {
        let (client, server) = try openPair()
        _ = server.feed(try client.request(.history, isEnd: false).bytes)
        #expect(server.admit(FrameEncoder.answer(.history, requestID: 2, head: [])))
        #expect(server.feed(try #require(client.data(1)).bytes).isEmpty)
        #expect(server.feed(FrameEncoder.encode(FrameHeader(.data, requestID: 3)).bytes).first?.failure != nil)
    }

    @Test func anOverflowingWindowIsAViolation() throws {
        let (client, server) = try openPair()
        _ = server.feed(try client.request(.scan).bytes)
        #expect(server.feed(FrameEncoder.credit(.scan, requestID: 2, bytes: Int(Int32.max)).bytes).first?.failure != nil)
    }

    @Test func aDrainingServerFinishesWhatRunsAndTakesNothingNew() throws {
        let (client, server) = try openPair()
        _ = server.feed(try client.request(.prepare).bytes)
        let notice = try #require(server.drain())
        #expect(server.drain() == nil)
        let crossing = try client.request(.prepare)
        guard case .goAway? = client.feed(notice.bytes).first else { throw HeadwaterError(.internal, "no goAway") }
        #expect(throws: HeadwaterError.self) { _ = try client.request(.prepare) }
        let refusal = try #require(server.feed(crossing.bytes).first?.sent)
        #expect(client.feed(refusal.bytes).first?.answer?.error?.code == .unavailable)
        let answer = FrameEncoder.answer(.prepare, requestID: 2, head: [7])
        #expect(server.admit(answer))
        #expect(client.feed(answer.bytes).first?.answer?.head.elementsEqual([7]) == true)
        #expect(server.requestsInFlight == 0)
    }

    @Test func aRefusedHelloTellsTheClientWhy() throws {
        let client = ConnectionBox(.client, WireLimits())
        let server = ConnectionBox(.server, WireLimits())
        _ = server.feed(client.hello().bytes)
        let refusal = try #require(server.refuseHello(HeadwaterError(.unauthenticated, "bad token")))
        #expect(client.feed(refusal.bytes).first?.failure == HeadwaterError(.unauthenticated, "bad token"))
    }

    @Test func versionsThatDoNotMeetAreUnimplemented() {
        let server = ConnectionBox(.server, WireLimits())
        let hello = HelloRequest.with { ($0.versionMin, $0.versionMax) = (2, 3) }
        #expect(server.feed(requestFrame(.hello, id: 1, head: hello.encode()).bytes).first?.failure?.code == .unimplemented)
    }

    @Test(arguments: [21, 22, 23] as [UInt64]) func garbageEndsAConnectionWithoutACrash(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            let (_, server) = try openPair()
            var bytes = requestFrame(.history, id: 2, isEnd: false).bytes
            // A damaged header with a checksum that holds: the state machine itself has to refuse it.
            for _ in 0..<3 { bytes[Int.random(in: 4..<44, using: &random)] = .random(in: 0...255, using: &random) }
            bytes.store(littleEndian: UInt32(0), at: 44)
            bytes.store(littleEndian: CRC32C.checksum(bytes), at: 44)
            _ = server.feed(bytes + random.bytes(30))
        }
    }
}
