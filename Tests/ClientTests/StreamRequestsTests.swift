import FeatureModel
import TestSupport
import Testing

@testable import Client

/// Which requests of a write stream go out when, and what it says of its rows: without a server.
@Suite struct StreamRequestsTests {
    private let lost = HeadwaterError(.unavailable, "the connection is gone")
    private let session = ProducerStamp(producer: 7, epoch: 1, sequence: 0)

    private func requests(_ count: Int, bodyBytes: Int = 1) -> StreamRequests {
        var requests = StreamRequests(session: session, countMax: 8)
        for number in 0..<count { requests.add(number * 10 + 1...number * 10 + 10, bodyBytes: bodyBytes) }
        return requests
    }

    @Test func requestsGoOutInOrderAndRowsAreAcknowledgedInOrder() throws {
        var requests = requests(3)
        let sent = requests.sendAll()
        #expect(sent.map(\.stamp.sequence) == [1, 2, 3])
        requests.answered(sent[1].stamp, .success(written(12)))
        #expect(requests.summary.rows == 0)
        requests.answered(sent[0].stamp, .success(written(11)))
        #expect(requests.summary.rows == 20 && requests.summary.position == 12 && requests.summary.requests == 2)
        requests.answered(sent[2].stamp, .success(written(13)))
        #expect(requests.summary.rows == 30 && requests.report(rowsAdded: 30) == nil)
    }

    @Test func asManyAreKeptAsMayBeThoughLaterOnesAreAnswered() {
        var requests = requests(8)
        #expect(!requests.hasRoom)
        for sent in requests.sendAll().dropFirst() { requests.answered(sent.stamp, .success(written(9))) }
        #expect(!requests.hasRoom, "the server may have to remember all behind the first")
    }

    @Test func behindALostConnectionAllThatIsNotAcknowledgedGoesOutAgainBeforeAnythingNewer() {
        var requests = requests(3)
        let first = requests.sendAll()
        requests.answered(first[0].stamp, .success(written(11)))
        requests.answered(first[1].stamp, .failure(lost))
        requests.add(31...40)
        #expect(requests.need == .answers && requests.next() == nil)
        requests.answered(first[2].stamp, .success(written(12)))
        #expect(requests.need == .connection && requests.next() == nil)
        requests.resume()
        let second = requests.sendAll()
        #expect(second.map(\.stamp.sequence) == [2, 4])
        #expect(second[0].body == first[1].body)
    }

    /// The server says that it took the write, or its answer came broken: adding the rows again might write them twice.
    @Test(arguments: [StatusCode.dataLoss, .internal, .unknown, .deadlineExceeded])
    func rowsBehindAnAnswerThatDoesNotSayAreNotCalledUnwritten(code: StatusCode) {
        var requests = requests(2)
        let sent = requests.sendAll()
        requests.answered(sent[0].stamp, .failure(HeadwaterError(code, "the write is taken")))
        requests.answered(sent[1].stamp, .success(written(12)))
        let message = requests.report(rowsAdded: 20)?.message ?? ""
        #expect(message.contains("rows 1 to 10: sent, and whether they were written is not known"), "\(message)")
        #expect(!message.contains("not written"), "\(message)")
    }

    @Test func nothingIsSentBehindALargeRequest() {
        var requests = StreamRequests(session: session, countMax: 8)
        requests.add(1...1)
        requests.add(2...2, bodyBytes: StreamRequests.bodyBytesMax + 1)
        requests.add(3...3)
        let first = requests.sendAll()
        #expect(first.map(\.rows.lowerBound) == [1, 2])
        requests.answered(first[0].stamp, .success(written(1)))
        #expect(requests.next() == nil)
        requests.answered(first[1].stamp, .success(written(2)))
        #expect(requests.next()?.rows == 3...3)
    }

    @Test func aRefusalSaysWhatBecameOfAllRows() throws {
        var requests = requests(5)
        let sent = requests.sendAll()
        requests.add(51...60)
        requests.answered(sent[0].stamp, .success(written(11)))
        let problem = "nothing was written: 1 bad value\norders@1 row 3, column amount: -1 is below 0"
        requests.answered(sent[1].stamp, .failure(HeadwaterError(.invalidArgument, problem)))
        requests.answered(sent[2].stamp, .success(written(12)))
        requests.answered(sent[3].stamp, .failure(lost))
        requests.answered(sent[4].stamp, .success(written(13)))
        #expect(requests.next() == nil && !requests.isUnderWay && requests.need == .nothing)
        let report = try #require(requests.report(rowsAdded: 63))
        #expect(report.code == .invalidArgument)
        #expect(
            report.message == """
                nothing was written: 1 bad value
                orders@1 row 14, column amount: -1 is below 0
                rows 1 to 10, 21 to 30, 41 to 50 of the stream: acknowledged, up to position 13
                rows 31 to 40: sent, and whether they were written is not known
                rows 11 to 20, 51 to 63: not written
                """)
    }

    @Test func aRequestThatWasLostAndIsRefusedThenMayHaveBeenWritten() throws {
        var requests = requests(1)
        requests.answered(requests.sendAll()[0].stamp, .failure(lost))
        requests.resume()
        requests.answered(requests.sendAll()[0].stamp, .failure(HeadwaterError(.failedPrecondition, "the session has ended")))
        let report = try #require(requests.report(rowsAdded: 10))
        #expect(report.message.contains("no row of the stream is acknowledged"))
        #expect(report.message.contains("rows 1 to 10: sent, and whether they were written is not known"))
    }

    @Test func aSessionThatIsForgottenIsFollowedByAnother() {
        let forgotten = HeadwaterError(.failedPrecondition, "the session has ended")
        var requests = requests(2)
        for sent in requests.sendAll() { requests.answered(sent.stamp, .failure(forgotten)) }
        #expect(requests.need == .session)
        requests.renew(ProducerStamp(producer: 8, epoch: 1, sequence: 0))
        let again = requests.sendAll()
        #expect(again.map(\.stamp) == [1, 2].map { ProducerStamp(producer: 8, epoch: 1, sequence: $0) })
        for sent in again { requests.answered(sent.stamp, .failure(forgotten)) }
        #expect(requests.failure == forgotten, "once is enough")
    }

    @Test func aForgottenSessionIsNotFollowedWhereSomethingMayHaveBeenWritten() {
        var requests = requests(2)
        let sent = requests.sendAll()
        requests.answered(sent[0].stamp, .failure(HeadwaterError(.failedPrecondition, "the session has ended")))
        requests.answered(sent[1].stamp, .failure(lost))
        #expect(requests.need == .session)
        requests.renew(ProducerStamp(producer: 8, epoch: 1, sequence: 0))
        #expect(requests.failure?.code == .failedPrecondition)
    }

    /// Connections that break anywhere, with requests and answers on the way.
    @Test(arguments: testSeeds) func everyRowIsWrittenOnceAndInOrder(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var requests = StreamRequests(session: session, countMax: random.int(1...8))
        var wire: [StreamRequests.Request] = []
        var answers: [(ProducerStamp, WriteResult)] = []
        var log: [Int] = []
        var written: [ProducerStamp: (result: WriteResult, body: [UInt8])] = [:]
        var added = 0
        var losses = 0
        func serve() {
            let request = wire.removeFirst()
            if let before = written[request.stamp] {
                #expect(before.body == request.body, "seed \(seed)")
                return answers.append((request.stamp, before.result))
            }
            log += request.rows
            let result = self.written(Position(written.count + 1))
            written[request.stamp] = (result, request.body)
            answers.append((request.stamp, result))
        }
        while requests.summary.rows < 400 {
            if requests.hasRoom, added < 400, random.chance(0.5) {
                let rows = added + 1...min(400, added + random.int(1...9))
                requests.add(rows, bodyBytes: random.chance(0.1) ? StreamRequests.bodyBytesMax + 1 : random.int(1...9))
                added = rows.upperBound
            }
            wire += requests.sendAll()
            if !wire.isEmpty, random.chance(0.5) { serve() }
            if !answers.isEmpty, random.chance(0.5) {
                let (stamp, result) = answers.remove(at: random.int(0...answers.count - 1))
                requests.answered(stamp, .success(result))
            }
            if random.chance(0.05) {
                losses += 1
                let open = wire.map(\.stamp) + answers.map(\.0)
                for _ in 0..<random.int(0...wire.count) { serve() }
                (wire, answers) = ([], [])
                for stamp in open.shuffled(using: &random) { requests.answered(stamp, .failure(lost)) }
            }
            if requests.need == .connection, random.chance(0.5) { requests.resume() }
            #expect(requests.need != .session && requests.failure == nil)
        }
        #expect(log == Array(1...400), "seed \(seed)")
        #expect(losses > 0, "seed \(seed)")
    }

    private func written(_ position: Position) -> WriteResult {
        WriteResult(
            position: position, ingestTime: 0, rowCounts: [], newerRowCount: 0, rowsWithNewerRows: [], rowsBelowCutoff: 0,
            rowsBehindTombstone: 0, isDuplicate: false)
    }
}

extension StreamRequests {
    fileprivate mutating func add(_ rows: ClosedRange<Int>, bodyBytes: Int = 1) {
        append(rows: rows, body: Array(repeating: UInt8(truncatingIfNeeded: rows.lowerBound), count: bodyBytes), deadline: .now)
    }

    fileprivate mutating func sendAll() -> [Request] {
        var sent: [Request] = []
        while let request = next() { sent.append(request) }
        return sent
    }
}
