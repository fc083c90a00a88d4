import FeatureModel
import Testing

@testable import Wire

/// Requests that stand together in received bytes and may be answered at once: where a run of them ends.
@Suite struct TogetherTests {
    /// Ids of the requests of `getPrepared` at the start of `bytes`.
    private func ids(_ bytes: [UInt8], at offset: Int = 0, lastID: UInt64 = 1) -> [UInt64] {
        var server = openServer()
        server.answeredAtOnce(FrameHeader(.request, method: .getPrepared, requestID: lastID))
        var found: [FrameView] = []
        server.requestsToAnswerAtOnce(unsafe bytes.span.bytes, at: offset, method: .getPrepared, into: &found)
        return found.map(\.header.requestID)
    }

    private func run(_ ids: ClosedRange<UInt64>) -> [UInt8] {
        ids.flatMap { requestFrame(.getPrepared, id: $0, head: [1], body: [2, 3]).bytes }
    }

    @Test func aRunEndsAtAnyOtherFrame() {
        let others = [
            requestFrame(.prepare, id: 4), requestFrame(.getPrepared, id: 4, isEnd: false),
            FrameEncoder.encode(FrameHeader(.ping)),
            FrameEncoder.encode(FrameHeader(.cancel, method: .getPrepared, requestID: 2)), requestFrame(.getPrepared, id: 3),
            requestFrame(.getPrepared, id: 1),
        ]
        for other in others { #expect(ids(run(2...3) + other.bytes + run(5...6)) == [2, 3]) }
        #expect(ids(run(2...3), lastID: 2) == [])
        #expect(ids([]) == [] && ids([1, 2, 3]) == [])
    }

    @Test func aRunEndsWhereAFrameIsCutOffOrDamaged() {
        let whole = run(2...4)
        let frame = whole.count / 3
        for count in 0..<whole.count {
            #expect(ids(Array(whole[..<count])) == Array([2, 3, 4].prefix(count / frame)))
        }
        for offset in whole.indices {
            var damaged = whole
            damaged[offset] ^= 0x10
            #expect(ids(damaged) == Array([2, 3, 4].prefix(offset / frame)))
        }
        #expect(ids(whole, at: frame, lastID: 2) == [3, 4])
    }

    @Test func aRunIsNoLongerThanWhatIsAnsweredTogether() {
        let bytes = run(2...200)
        let first = ids(bytes)
        #expect(first == Array(2...65))
        #expect(ids(bytes, at: bytes.count / 199 * 64, lastID: 65) == Array(66...129))
    }

    @Test func partsOfEachFrameAreItsOwn() {
        var server = openServer()
        let bytes = requestFrame(.getPrepared, id: 2, head: [1, 2, 3], body: [4]).bytes + requestFrame(.getPrepared, id: 3).bytes
        var found: [FrameView] = []
        server.requestsToAnswerAtOnce(unsafe bytes.span.bytes, at: 0, method: .getPrepared, into: &found)
        #expect(found.map { Array(bytes[$0.head]) } == [[1, 2, 3], []])
        #expect(found.map { Array(bytes[$0.body]) } == [[4], []])
        #expect(found.last?.end == bytes.count)
        _ = server.drain()
        server.requestsToAnswerAtOnce(unsafe bytes.span.bytes, at: 0, method: .getPrepared, into: &found)
        #expect(found.isEmpty)
    }
}
