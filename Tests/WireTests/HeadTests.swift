import FeatureModel
import TestSupport
import Testing

@testable import Wire

@Suite struct HeadTests {
    @Test func headsRoundTrip() throws {
        func check<H: Head>(_ head: H) throws {
            #expect(try H(decoding: head.encode()[...]) == head)
            #expect(try H(decoding: H().encode()[...]) == H())
        }
        let outputs = [Output(Field("temp", .float64), group: "weather@1"), Output(Field("v", .vector(64)))]
        try check(
            HelloRequest.with {
                $0.token = [0, 255, 1]
                $0.capabilities = ["a", ""]
                $0.project = "flights"
                $0.limits = ReceiveLimits(WireLimits())
            })
        try check(
            HelloReply.with {
                $0.roles = ["online", "offline"]
                $0.peers = [.with { $0.role = "offline" }, .with { $0.address = "127.0.0.1:7071" }]
                $0.logID = Array(0..<16)
                $0.wallTime = -1
            })
        try check(ErrorDetail(HeadwaterError(.dataLoss, "gone", at: "x:1"), appliedPosition: .max))
        try check(ApplyRequest.with { $0.project = "p" })
        try check(ApplyReply.with { ($0.position, $0.catalogVersion, $0.changed) = (1, 2, true) })
        try check(
            PromoteRequest.with {
                ($0.project, $0.kind, $0.name, $0.force, $0.dryRun) = ("p", "group", "orders@2", true, true)
            })
        try check(ListRequest.with { $0.project = "p" })
        try check(DescribeRequest.with { ($0.name, $0.asOf) = ("é", 0) })
        try check(
            RemoveRequest.with {
                ($0.project, $0.kind, $0.name) = ("p", "feature", "orders:total")
                ($0.force, $0.keepHistory, $0.dryRun) = (true, true, true)
            })
        try check(JSONReply.with { $0.position = 9 })
        try check(
            WriteRequest.with { ($0.producer, $0.epoch, $0.sequence, $0.catalogVersion) = (.max, .max, 1 << 40, 0) })
        try check(
            WriteReply.with {
                ($0.position, $0.ingestTime, $0.duplicate) = (3, .min, true)
                $0.rowCounts = [0, 1, .max]
                $0.keysWithNewerRows = 7
            })
        try check(PrepareRequest.with { ($0.features, $0.asOf) = (["a:b"], .max) })
        try check(
            PrepareReply.with {
                $0.outputs = outputs
                $0.keys = [ColumnSpec(Field("k", .int64))]
                $0.request = [ColumnSpec(Field("x", .vector(3)))]
                $0.warnings = ["orders@1 is deprecated: use orders@2"]
            })
        try check(
            HistoryRequest.with {
                $0.spineColumns = [ColumnSpec(Field("k", .string)), ColumnSpec(Field("t", .timestamp))]
                ($0.spineTime, $0.asOf, $0.availabilityIngest) = ("t", 0, true)
            })
        try check(RowsData.with { ($0.rowOffset, $0.outputs) = (5, outputs) })
        try check(RowsEnd.with { ($0.position, $0.rows, $0.logID) = (1, 2, [3]) })
        try check(ScanRequest.with { ($0.group, $0.start, $0.end, $0.deletes) = ("g", 0, -5, true) })
        try check(LatestRequest.with { ($0.group, $0.columns) = ("g", ["a"]) })
        try check(StatusRequest.with { $0.project = "p" })
        try check(AuditRequest.with { $0.minPosition = 4 })
        let scope = HashScope.with { ($0.seed, $0.prefixBits, $0.splitBits, $0.prefixes) = (.max, 10, 12, [0, 1, 1_023]) }
        try check(AuditDigestRequest.with { ($0.position, $0.groupID, $0.scope, $0.isSameCut) = (1, 2, scope, true) })
        try check(AuditDigestReply.with { $0.position = 1 })
        try check(AuditRowsRequest.with { ($0.groupID, $0.scope) = (7, scope) })
        try check(WriteReply.with { ($0.rowsBelowCutoff, $0.rowsBehindTombstone) = (3, .max) })
        try check(AcceptClockRequest())
        try check(AcceptClockReply.with { ($0.ahead, $0.now) = (-5, .max) })
        try check(SnapshotRequest())
        try check(SnapshotReply.with { ($0.position, $0.rows, $0.bytes) = (1, 2, 3) })
        try check(CompactRequest.with { $0.group = "" })
        try check(CompactReply.with { ($0.chunksBefore, $0.bytesAfter) = (1, 2) })
        try check(OpenProducerRequest.with { $0.name = "n" })
        try check(OpenProducerReply.with { ($0.producer, $0.epoch) = (1, 2) })
        try check(FollowRequest.with { ($0.fromPosition, $0.follower, $0.durablePosition, $0.addresses) = (9, "f", 7, ["a:1"]) })
        try check(FollowData.with { $0.durablePosition = 1 })
        try check(FollowEnd.with { $0.durablePosition = 1 })
        try check(AcknowledgeRequest.with { ($0.follower, $0.position, $0.register) = ("f", 1, true) })
        try check(AcknowledgeReply.with { $0.durablePosition = 1 })
        try check(ForgetRequest.with { $0.follower = "f" })
        try check(ForgetReply.with { $0.position = 1 })
        try check(BootstrapRequest.with { ($0.follower, $0.logID) = ("f", [1, 2]) })
        try check(
            BootstrapData.with {
                ($0.file, $0.fileBytes, $0.offset, $0.checksum) = (1, 2, 3, 4)
                ($0.position, $0.totalBytes) = (5, 6)
            })
        try check(BootstrapEnd.with { ($0.position, $0.totalBytes) = (1, 2) })
    }

    @Test func presenceIsKept() throws {
        #expect(try GetPreparedRequest(decoding: GetPreparedRequest.with { $0.at = 0 }.encode()[...]).at == 0)
        #expect(try GetPreparedRequest(decoding: []).at == nil)
    }

    @Test func namesKeepTheirNulBytesAndTheirForm() throws {
        let request = DescribeRequest.with { $0.name = "a\0b" }
        #expect(Array(try DescribeRequest(decoding: request.encode()[...]).name.utf8) == [97, 0, 98])
        let decomposed = DescribeRequest.with { $0.name = "e\u{301}" }
        #expect(Array(try DescribeRequest(decoding: decomposed.encode()[...]).name.utf8) == Array("e\u{301}".utf8))
    }

    @Test func textThatIsNotUTF8IsRefused() {
        let error = #expect(throws: HeadwaterError.self) { try DescribeRequest(decoding: [0x12, 2, 0xC3, 0x28]) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func unknownFieldsAreSkipped() throws {
        let known = JSONReply.with { $0.position = 5 }.encode()
        #expect(try JSONReply(decoding: (known + [0xFA, 0x3F, 1, 9])[...]).position == 5)
    }

    @Test func emptySubmessagesEndAtTheBudget() {
        // Two bytes each on the wire, a hundred in memory.
        let bytes = Array(repeatElement([0x12, 0] as [UInt8], count: 2 << 20).joined())
        let error = #expect(throws: HeadwaterError.self) { try PrepareReply(decoding: bytes[...]) }
        #expect(error?.code == .resourceExhausted)
    }

    @Test func theBudgetIsExactToAnAllocation() throws {
        let bytes = PrepareReply.with { $0.outputs = (0..<100).map { Output(Field("f\($0)", .int64)) } }.encode()
        var smallest = 0
        for budget in stride(from: 0, through: 1 << 16, by: 256) {
            if (try? PrepareReply(decoding: bytes[...], memoryBytesMax: budget)) != nil {
                smallest = budget
                break
            }
        }
        #expect(smallest > 100 * 16)
        let error = #expect(throws: HeadwaterError.self) {
            try PrepareReply(decoding: bytes[...], memoryBytesMax: smallest - 256)
        }
        #expect(error?.code == .resourceExhausted)
    }

    @Test(arguments: [11, 12] as [UInt64]) func randomBytesNeverCrashADecoder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let whole = HelloReply.with {
            $0.peers = [.with { $0.role = "offline" }]
            $0.limits = ReceiveLimits(WireLimits())
        }.encode()
        for round in 0..<20_000 {
            var bytes = random.bytes(Int.random(in: 0...40, using: &random))
            if round % 2 == 0 {
                bytes = whole
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            do { _ = try HelloReply(decoding: bytes[...]) } catch {
                #expect(error.code == .invalidArgument || error.code == .resourceExhausted)
            }
        }
    }
}
