internal import CLoadCore
internal import FeatureModel
internal import Wire

/// The values that latencies are rounded down to, each less than 0.1 % above the one before.
enum LatencyBuckets {
    static let count = Int(LOAD_BUCKETS)
    static func value(_ index: Int) -> UInt64 { load_bucket_value(UInt32(index)) }
}

/// One kind of request over some connections to one server: the safe owner of a stream of the load core (`CLoadCore`).
///
/// Requests are prepared before a run and sent in turn by all connections; the core counts replies, and keeps samples of them to
/// be checked here afterwards. Not for several threads.
@safe
final class LoadStream {
    /// How replies are told apart.
    enum Replies {
        case fixed(bytes: Int)
        /// Frames of Headwater, one a request.
        case frames
        /// RESP.
        case redis
    }

    /// One reply in so many is checked.
    static let sampleEvery = 64
    private static let sampleBytesMax = 1 << 20
    private static let keptBytesMax = 4 << 20

    // Freed by `deinit` alone, and never handed out.
    private let stream: OpaquePointer
    /// What keeps the sockets open.
    private var owners: [AnyObject] = []

    /// - Parameter depth: requests under way on a connection.
    init(_ replies: Replies, depth: Int) throws(HeadwaterError) {
        var settings = load_settings()
        settings.depth = UInt32(depth)
        settings.sample_every = UInt64(Self.sampleEvery)
        settings.sample_bytes_max = UInt64(Self.sampleBytesMax)
        settings.kept_bytes_max = UInt64(Self.keptBytesMax)
        switch replies {
        case .fixed(let bytes):
            settings.protocol = Int32(LOAD_FIXED)
            settings.reply_bytes = UInt64(bytes)
            settings.sample_every = 0
        case .frames: settings.protocol = Int32(LOAD_HEADWATER)
        case .redis: settings.protocol = Int32(LOAD_RESP)
        }
        guard let stream = unsafe load_open(&settings) else { throw Self.outOfMemory }
        unsafe self.stream = stream
    }

    deinit { unsafe load_close(stream) }

    private static let outOfMemory = HeadwaterError(.resourceExhausted, "no memory for the load")

    /// Adds a request to those that are sent in turn.
    ///
    /// - Parameter replies: the commands in it (Redis).
    func add(request: [UInt8], replies: Int = 1) throws(HeadwaterError) {
        let code = unsafe request.withUnsafeBytes {
            unsafe load_add_request(stream, $0.baseAddress, UInt64($0.count), UInt32(replies))
        }
        guard code == 0 else { throw Self.outOfMemory }
    }

    /// Adds a write without a producer session, so that any connection may send it at any time.
    func add(write body: [UInt8]) throws(HeadwaterError) {
        try add(request: FrameParts.request(.write, head: WriteRequest.with { $0.project = Rows.project }.encode(), body: body))
    }

    var requestCount: Int { unsafe Int(load_request_count(stream)) }
    var requestBytes: Int { unsafe Int(load_request_bytes(stream)) }

    /// A request as it was added, copied.
    func request(_ index: Int) -> [UInt8] {
        var count: UInt64 = 0
        guard let start = unsafe load_request(stream, UInt64(index), &count) else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(count)))
    }

    func clearRequests() { unsafe load_clear_requests(stream) }

    func add(_ socket: StreamSocket) throws(HeadwaterError) {
        try add(descriptor: socket.descriptor, owner: socket, nextID: 1, handle: 0)
    }

    /// Takes a session's connection over: it must not be used otherwise from now on.
    ///
    /// - Parameter handle: put into the first 8 bytes of each request's body; 0: requests are sent as they are.
    func add(_ session: HeadwaterSession, handle: UInt64) throws(HeadwaterError) {
        try add(descriptor: session.descriptor, owner: session, nextID: session.nextRequestID, handle: handle)
    }

    private func add(descriptor: Int32, owner: AnyObject, nextID: UInt64, handle: UInt64) throws(HeadwaterError) {
        owners.append(owner)
        guard unsafe load_add_connection(stream, descriptor, nextID, handle) == 0 else { throw Self.outOfMemory }
    }

    /// Requests a second in an open loop, by a Poisson process; 0 for a closed loop.
    var rate = 0.0 { didSet { unsafe load_set_rate(stream, rate) } }
    /// Requests of a run, in a closed loop; 0 for no limit.
    var limit = 0 { didSet { unsafe load_set_limit(stream, UInt64(limit)) } }

    /// Drives streams together on the calling thread; every request is answered when this returns.
    ///
    /// - Parameter seconds: measured, behind `warmUp` seconds that are not. Streams with limits may end it before.
    static func run(
        _ streams: [LoadStream], warmUp: Double = 0, seconds: Double, seed: UInt64 = 1
    ) throws(HeadwaterError) -> [StreamResult] {
        let code = unsafe streams.map { unsafe Optional($0.stream) }.withUnsafeBufferPointer {
            unsafe load_run($0.baseAddress, Int32($0.count), warmUp, seconds, seed)
        }
        if code != 0 {
            let reasons = streams.compactMap { stream in
                let reason = unsafe String(cString: load_error(stream.stream))
                return reason.isEmpty ? nil : reason
            }
            throw HeadwaterError(.internal, reasons.joined(separator: "; "))
        }
        return streams.map { $0.result(seconds: seconds) }
    }

    /// Sends every request once, as fast as they are answered.
    func sendAll(within seconds: Double = 600) throws(HeadwaterError) {
        let before = (rate, limit)
        defer { (rate, limit) = before }
        rate = 0
        limit = requestCount
        let result = try Self.run([self], seconds: seconds)[0]
        guard result.requestsInAll == limit else {
            throw HeadwaterError(.deadlineExceeded, "\(limit) requests were not answered in \(seconds) s")
        }
    }

    private func result(seconds: Double) -> StreamResult {
        let figures = unsafe load_result_of(stream)
        var latencies = LatencyCounts()
        for bucket in 0..<UInt32(LOAD_BUCKETS) {
            let count = unsafe load_bucket_count(stream, bucket)
            if count > 0 { latencies.counts[LatencyBuckets.value(Int(bucket)), default: 0] += Int(count) }
        }
        latencies.max = figures.max_nanoseconds
        return StreamResult(
            requests: Int(figures.requests), requestsInAll: Int(figures.requests_all), replyBytes: Int(figures.reply_bytes),
            seconds: seconds, secondsInAll: Double(figures.elapsed_nanoseconds) / 1e9, unsent: Int(figures.unsent),
            checked: Int(figures.checked), nulls: Int(figures.nulls), latencies: latencies,
            coreShare: figures.core_share)
    }

    /// The samples of the last run, with the index of the request that each answers.
    ///
    /// They are copied out of the core's memory.
    var kept: [(request: Int, reply: [UInt8])] {
        var count: UInt64 = 0
        guard let start = unsafe load_kept(stream, &count) else { return [] }
        let bytes = unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(count)))[...]
        var samples: [(request: Int, reply: [UInt8])] = []
        var at = 0
        while at < bytes.count {
            let length = Int(bytes.littleEndian(at: at + 8, as: UInt64.self))
            samples.append((Int(bytes.littleEndian(at: at, as: UInt64.self)), Array(bytes.part(at: at + 16, count: length))))
            at += 16 + length
        }
        return samples
    }
}
