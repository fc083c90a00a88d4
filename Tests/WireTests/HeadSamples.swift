import FeatureModel

@testable import Wire

/// A head of which the golden file holds the bytes.
struct HeadSample: Sendable {
    /// The message's name in the proto file.
    let message: String
    /// `nothing`, `edges` (every field set, to the ends of its range), `zeros` (present
    /// fields that are zero or empty), or the name of a field that came later.
    let label: String
    let bytes: [UInt8]
    /// Whether bytes decode to the value that was encoded.
    let isDecoded: @Sendable ([UInt8]) throws -> Bool

    init<H: Head>(_ head: H, _ label: String) {
        message = "\(H.self)"
        self.label = label
        bytes = head.encode()
        isDecoded = { try H(decoding: $0[...]) == head }
    }
}

/// Samples of every message, in the order of the proto file.
enum HeadSamples {
    static let all = connections() + definitions() + writes() + gets() + reads() + audits() + operations() + followers()

    /// Not ASCII, with a NUL, and not in composed form.
    static let text = "a\0é🌊e\u{301}"
    static let texts = ["", text, "b"]
    static let bytes: [UInt8] = [0, 255, 128]
    static let limits = ReceiveLimits.with {
        ($0.frameBytesMax, $0.requestsInFlightMax, $0.streamsOpenMax, $0.initialWindowBytes) = (.max, .max, .max, .max)
    }
    static let outputs = [
        Output.with { ($0.name, $0.type, $0.group) = (text, "vector(64)", "weather@1") }, Output(),
        Output.with { $0.type = "float64" },
    ]
    static let columns = [ColumnSpec(), ColumnSpec.with { ($0.name, $0.type) = (text, "array(string)") }]
    static let scope = HashScope.with { ($0.seed, $0.prefixBits, $0.splitBits, $0.prefixes) = (.max, .max, 12, [0, 128, .max]) }

    private static func of<H: Head>(_ edges: H, zeros: H? = nil) -> [HeadSample] {
        let both = [HeadSample(H(), "nothing"), HeadSample(edges, "edges")]
        return both + (zeros.map { [HeadSample($0, "zeros")] } ?? [])
    }

    private static func connections() -> [HeadSample] {
        let peers = [Peer(), Peer.with { ($0.role, $0.address) = ("offline", text) }]
        return of(
            ErrorDetail.with { ($0.code, $0.message, $0.location, $0.appliedPosition) = (.max, text, text, .max) },
            zeros: .with { ($0.location, $0.appliedPosition) = ("", 0) })
            + of(limits)
            + of(
                HelloRequest.with {
                    ($0.versionMin, $0.versionMax, $0.token) = (2, .max, bytes)
                    ($0.capabilities, $0.project, $0.clientName, $0.limits) = (texts, text, text, limits)
                },
                zeros: .with { ($0.token, $0.limits) = ([], ReceiveLimits()) })
            + [HeadSample(HelloRequest.with { $0.clientVersion = text }, "clientVersion")]
            + of(peers[1])
            + of(
                HelloReply.with {
                    ($0.version, $0.serverVersion, $0.roles, $0.peers) = (.max, text, texts, peers)
                    ($0.logID, $0.limits, $0.wallTime, $0.capabilities) = (bytes, limits, .min, texts)
                },
                zeros: .with { $0.limits = ReceiveLimits() })
            + of(columns[1]) + of(outputs[0])
    }

    private static func definitions() -> [HeadSample] {
        of(ApplyRequest.with { $0.project = text })
            + of(ApplyReply.with { ($0.position, $0.catalogVersion, $0.changed) = (.max, .max, true) })
            + of(
                PromoteRequest.with {
                    ($0.project, $0.kind, $0.name, $0.force, $0.dryRun) = (text, "group", "orders@2", true, true)
                })
            + of(
                RemoveRequest.with {
                    ($0.project, $0.kind, $0.name) = (text, "feature", "orders@2:total")
                    ($0.force, $0.keepHistory, $0.dryRun) = (true, true, true)
                })
            + of(ListRequest.with { $0.project = text })
            + of(
                DescribeRequest.with { ($0.project, $0.name, $0.asOf) = (text, text, .max) },
                zeros: .with { $0.asOf = 0 })
            + of(JSONReply.with { $0.position = .max })
    }

    private static func writes() -> [HeadSample] {
        of(
            WriteRequest.with {
                ($0.project, $0.producer, $0.epoch, $0.sequence) = (text, .max, .max, .max)
                $0.catalogVersion = .max
            },
            zeros: .with { $0.catalogVersion = 0 })
            + of(
                WriteReply.with {
                    ($0.position, $0.ingestTime, $0.rowCounts) = (.max, .min, [0, 127, 128, .max])
                    ($0.keysWithNewerRows, $0.duplicate) = (.max, true)
                    ($0.rowsBelowCutoff, $0.rowsBehindTombstone) = (.max, .max)
                })
            + of(OpenProducerRequest.with { ($0.project, $0.name) = (text, text) })
            + of(OpenProducerReply.with { ($0.producer, $0.epoch, $0.logID) = (.max, .max, bytes) })
    }

    private static func gets() -> [HeadSample] {
        of(
            GetPreparedRequest.with { ($0.at, $0.minPosition, $0.logID, $0.eventTimes) = (.min, .max, bytes, true) },
            zeros: .with { $0.at = 0 })
            + of(
                PrepareRequest.with {
                    ($0.project, $0.service, $0.features, $0.fullFeatureNames, $0.asOf) = (text, text, texts, true, .max)
                },
                zeros: .with { ($0.service, $0.asOf) = ("", 0) })
            + of(PrepareReply.with { ($0.handle, $0.outputs, $0.keys, $0.warnings) = (.max, outputs, columns, texts) })
            + [HeadSample(PrepareReply.with { ($0.keys, $0.request) = (columns, columns) }, "request")]
    }

    private static func reads() -> [HeadSample] {
        of(
            HistoryRequest.with {
                ($0.project, $0.service, $0.features, $0.fullFeatureNames) = (text, text, texts, true)
                ($0.spineColumns, $0.spineTime, $0.asOf, $0.availabilityIngest) = (columns, text, .max, true)
                ($0.minPosition, $0.logID, $0.eventTimes) = (.max, bytes, true)
            },
            zeros: .with { ($0.service, $0.asOf) = ("", 0) })
            + of(RowsData.with { ($0.rowOffset, $0.outputs) = (.max, outputs) })
            + of(RowsEnd.with { ($0.position, $0.rows, $0.logID) = (.max, .max, bytes) })
            + of(
                ScanRequest.with {
                    ($0.project, $0.group, $0.columns, $0.start, $0.end) = (text, text, texts, .min, .max)
                    ($0.asOf, $0.deletes, $0.minPosition, $0.logID) = (.max, true, .max, bytes)
                    ($0.keyNames, $0.brief) = (texts, true)
                },
                zeros: .with { ($0.start, $0.end, $0.asOf) = (0, 0, 0) })
            + of(
                LatestRequest.with {
                    ($0.project, $0.group, $0.columns, $0.asOf, $0.deletes) = (text, text, texts, .max, true)
                    ($0.minPosition, $0.logID, $0.at) = (.max, bytes, .min)
                    ($0.keyNames, $0.brief) = (texts, true)
                },
                zeros: .with { ($0.asOf, $0.at) = (0, 0) })
    }

    private static func audits() -> [HeadSample] {
        of(AuditRequest.with { ($0.project, $0.minPosition, $0.logID) = (text, .max, bytes) })
            + of(scope)
            + of(
                AuditDigestRequest.with { ($0.position, $0.groupID, $0.scope, $0.isSameCut) = (.max, .max, scope, true) },
                zeros: .with { $0.scope = HashScope() })
            + of(AuditDigestReply.with { $0.position = .max })
            + of(
                AuditRowsRequest.with { ($0.position, $0.groupID, $0.scope) = (.max, .max, scope) },
                zeros: .with { $0.scope = HashScope() })
    }

    private static func operations() -> [HeadSample] {
        of(StatusRequest.with { $0.project = text })
            + of(SnapshotRequest())
            + of(SnapshotReply.with { ($0.position, $0.rows, $0.bytes) = (.max, .max, .max) })
            + of(CompactRequest.with { ($0.project, $0.group) = (text, text) }, zeros: .with { $0.group = "" })
            + of(
                CompactReply.with {
                    ($0.position, $0.chunksBefore, $0.chunksAfter) = (.max, .max, .max)
                    ($0.bytesBefore, $0.bytesAfter) = (.max, .max)
                })
            + of(AcceptClockRequest())
            + of(AcceptClockReply.with { ($0.ahead, $0.now) = (.min, .max) })
            + of(ReportRequest.with { $0.name = text })
    }

    private static func followers() -> [HeadSample] {
        of(
            FollowRequest.with {
                ($0.fromPosition, $0.follower, $0.logID) = (.max, text, bytes)
                ($0.durablePosition, $0.addresses) = (.max, texts)
            })
            + of(FollowData.with { $0.durablePosition = .max })
            + of(FollowEnd.with { $0.durablePosition = .max })
            + of(AcknowledgeRequest.with { ($0.follower, $0.position, $0.logID, $0.register) = (text, .max, bytes, true) })
            + of(AcknowledgeReply.with { $0.durablePosition = .max })
            + of(ForgetRequest.with { $0.follower = text })
            + of(ForgetReply.with { $0.position = .max })
            + of(BootstrapRequest.with { ($0.follower, $0.logID) = (text, bytes) })
            + of(
                BootstrapData.with {
                    ($0.file, $0.fileBytes, $0.offset, $0.checksum) = (.max, .max, .max, .max)
                    ($0.position, $0.totalBytes) = (.max, .max)
                })
            + of(BootstrapEnd.with { ($0.position, $0.totalBytes) = (.max, .max) })
    }
}
