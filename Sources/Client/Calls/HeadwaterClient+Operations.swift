public import FeatureModel
import Foundation
import Transport
public import Wire

/// A snapshot that the online service took.
public struct SnapshotResult: Sendable {
    public let position: Position
    public let rows: UInt64
    public let bytes: UInt64
}

/// What a compaction did.
public struct CompactResult: Sendable {
    public let position: Position
    public let chunksBefore: UInt64
    public let chunksAfter: UInt64
    public let bytesBefore: UInt64
    public let bytesAfter: UInt64
}

extension HeadwaterClient {
    /// Where the server that we are connected to stands.
    public func status() async throws(HeadwaterError) -> JSONAnswer<StatusReport> {
        let request = StatusRequest.with { $0.project = project }
        let (head, body) = try await call(
            .status, to: nil, request, deadline: configuration.callTimeout, retry: .once, answer: JSONReply.self)
        return JSONAnswer(value: try Self.decode(body, what: "status"), json: Array(body), position: head.position)
    }

    /// The connections of the server that we are connected to.
    public func clients() async throws(HeadwaterError) -> JSONAnswer<ClientsReport> { try await report("clients") }

    /// The slowest requests of the last hour of the server that we are connected to, and what each waited for.
    public func slow() async throws(HeadwaterError) -> JSONAnswer<SlowReport> { try await report("slow") }

    private func report<Report: Decodable>(_ name: String) async throws(HeadwaterError) -> JSONAnswer<Report> {
        let request = ReportRequest.with { $0.name = name }
        let (head, body) = try await call(
            .report, to: nil, request, deadline: configuration.callTimeout, retry: .once, answer: JSONReply.self)
        return JSONAnswer(value: try Self.decode(body, what: "report"), json: Array(body), position: head.position)
    }

    /// Compares online and offline over all rows, at one position.
    ///
    /// - Parameter progress: told now and then how far it has come.
    public func audit(
        minPosition: Position = 0, progress: (AuditProgress) -> Void = { _ in }
    ) async throws(HeadwaterError) -> JSONAnswer<AuditReport> {
        let request = AuditRequest.with {
            $0.project = project
            $0.minPosition = minPosition
            $0.logID = logID(for: minPosition)
        }
        let stream = try await connections.connection(to: .offline).stream(.audit, head: request)
        while let item = try await stream.next() { progress(try Self.decode(item.body, what: "audit")) }
        guard let reply = stream.reply else { throw HeadwaterError(.internal, "the audit ended without a report") }
        let position = try reply.decode(JSONReply.self).position
        return JSONAnswer(value: try Self.decode(reply.body, what: "audit"), json: Array(reply.body), position: position)
    }

    /// Takes a snapshot of the online store.
    public func snapshot() async throws(HeadwaterError) -> SnapshotResult {
        let head = try await call(
            .snapshot, to: .online, SnapshotRequest(), deadline: nil, retry: .never, answer: SnapshotReply.self
        ).head
        return SnapshotResult(position: head.position, rows: head.rows, bytes: head.bytes)
    }

    /// Tells the owner of the log that its wall clock is right, however far it is from the time that is trusted so far.
    ///
    /// - Returns: how far it was ahead, and trusted time from now on, both in microseconds.
    public func acceptClock() async throws(HeadwaterError) -> (ahead: Microseconds, now: Microseconds) {
        let head = try await call(
            .acceptClock, to: .online, AcceptClockRequest(), deadline: configuration.callTimeout, retry: .never,
            answer: AcceptClockReply.self
        ).head
        return (head.ahead, head.now)
    }

    /// Compacts the history of one group, or of all.
    public func compact(group: String? = nil) async throws(HeadwaterError) -> CompactResult {
        let request = CompactRequest.with {
            $0.project = project
            $0.group = group
        }
        let head = try await call(.compact, to: .offline, request, deadline: nil, retry: .never, answer: CompactReply.self).head
        return CompactResult(
            position: head.position, chunksBefore: head.chunksBefore, chunksAfter: head.chunksAfter,
            bytesBefore: head.bytesBefore,
            bytesAfter: head.bytesAfter)
    }

    /// Lets a follower of the log go, so that the log need not keep its segments.
    ///
    /// - Returns: the position that the follower had acknowledged.
    /// - Throws: `.notFound` where there is no follower of that name.
    public func forget(follower: String) async throws(HeadwaterError) -> Position {
        let request = ForgetRequest.with { $0.follower = follower }
        return try await call(
            .forget, to: .online, request, deadline: configuration.callTimeout, retry: .never, answer: ForgetReply.self
        ).head.position
    }

    private static func decode<Report: Decodable>(_ json: ArraySlice<UInt8>, what: String) throws(HeadwaterError) -> Report {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do { return try decoder.decode(Report.self, from: Data(json)) } catch {
            throw HeadwaterError(
                .internal, "the server's \(what) cannot be read by this version: use the same version on both sides")
        }
    }
}
