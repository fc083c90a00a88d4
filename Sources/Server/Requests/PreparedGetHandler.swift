import Catalog
import Engine
import FeatureModel
import NIOCore
import OnlineStore
import Synchronization
import Transport
import Wire

extension PreparedGet {
    /// Whether a read may be made on an event loop, which others wait for.
    static func isShort(rows: Int, outputs: Int, bodyBytes: Int) -> Bool {
        rows <= GetHandlers.inlineKeysMax && bodyBytes <= GetHandlers.inlineBytesMax
            && rows * outputs <= GetHandlers.inlineCellsMax
    }
}

/// Answers gets by handle of one connection on its event loop.
final class PreparedGetHandler: ImmediateHandler {
    /// What the connections of an event loop share: memory of reads.
    final class Scratch {
        let reader: OnlineReader
        /// Of the request that is read, or of several as if they were one.
        var body: [UInt8] = []
        var keys: [Column] = []
        /// Which of its rows are those of each request.
        var rows: [Range<Int>] = []

        init(_ store: OnlineStore) { reader = OnlineReader(store) }
    }

    /// The scratch of each event loop.
    final class Scratches: Sendable {
        private let all = Mutex<[ObjectIdentifier: NIOLoopBound<Scratch>]>([:])

        /// Called on the event loop.
        func scratch(of eventLoop: any EventLoop, _ store: OnlineStore) -> Scratch {
            all.withLock { all in
                let id = ObjectIdentifier(eventLoop)
                if let known = all[id] { return known }
                let fresh = NIOLoopBound(Scratch(store), eventLoop: eventLoop)
                all[id] = fresh
                return fresh
            }.value
        }
    }

    private let services: Services
    private let online: OnlineNode
    private let connectionID: UInt64
    private let scratch: Scratch
    private var prepared: [UInt64: PreparedGet] = [:]
    private var last: (handle: UInt64, get: PreparedGet)?

    let method = Wire.Method.getPrepared

    init(_ services: Services, _ online: OnlineNode, connectionID: UInt64, scratch: Scratch) {
        self.services = services
        self.online = online
        self.connectionID = connectionID
        self.scratch = scratch
    }

    /// Of an answer that is written on the event loop; a larger one is made on another thread.
    private static let answerBytesMax = 256 << 10
    /// Of the answers to requests that are read together: the rest is read again, when what has been gathered was sent.
    private static let joinedBytesMax = 1 << 20
    /// Requests of at most this many rows are prefetched and batched; larger ones hide their own memory latency.
    private static let smallRowsMax = 8

    func begin(_ requests: [FrameView], in bytes: RawSpan) {
        // What has come was sent before this moment, so all of it may see the position of now.
        scratch.reader.pin()
        for request in requests { expect(bytes.extracting(request.body)) }
    }

    func loadAhead() { scratch.reader.loadExpected() }

    func end() { scratch.reader.unpin() }

    private func expect(_ body: RawSpan) {
        guard let header = try? PackedColumns.Header(decoding: body), let get = try? get(header.tag),
            let width = Self.keyWidth(ofSmall: body, header, get)
        else { return }
        for row in 0..<header.rowCount {
            let start = PackedColumns.Header.byteCount + row * width
            get.expect(body.extracting(start..<start + width), by: scratch.reader)
        }
    }

    /// Bytes of each key of a request of few rows with one key column of fixed width and nothing else; `nil` for other requests.
    private static func keyWidth(ofSmall body: RawSpan, _ header: PackedColumns.Header, _ get: PreparedGet) -> Int? {
        guard let width = get.keyWidth, !header.hasStatuses, !header.hasEventTimes, (1...smallRowsMax).contains(header.rowCount),
            body.byteCount == PackedColumns.Header.byteCount + PackedColumns.padded(header.rowCount * width)
        else { return nil }
        return width
    }

    func answer(
        _ requests: ArraySlice<FrameView>, in bytes: RawSpan, frameBytesMax: Int, into output: inout OutputQueue
    ) -> Int {
        // What fails is tried again by the general way, which answers with the reason.
        do throws(HeadwaterError) {
            return try answer(requests, bytes, min(frameBytesMax, Self.answerBytesMax), &output)
        } catch {
            return 0
        }
    }

    private func answer(
        _ requests: ArraySlice<FrameView>, _ bytes: RawSpan, _ frameBytesMax: Int, _ output: inout OutputQueue
    ) throws(HeadwaterError) -> Int {
        let first = requests.first!
        guard let head = try head(bytes.extracting(first.head)) else { return 0 }
        let body = bytes.extracting(first.body)
        let header = try PackedColumns.Header(decoding: body)
        let get = try get(header.tag)
        guard PreparedGet.isShort(rows: header.rowCount, outputs: get.outputCount, bodyBytes: body.byteCount),
            get.isQuick(rowCount: header.rowCount)
        else { return 0 }
        try get.refresh(online.state.catalogPosition)
        // What expressions make is made for one request at a time.
        let rowCount = gather(get.hasExpressions ? requests.prefix(1) : requests, bytes, get, header)
        defer { scratch.keys.removeAll(keepingCapacity: true) }
        try PackedColumns.decodeKeys(scratch.body[...], types: get.columnTypes, into: &scratch.keys)
        let now = head.at ?? (get.needsClock ? services.clock.now() : 0)
        if get.hasExpressions {
            let answer = try get.evaluate(
                scratch.keys, rowCount: rowCount, by: scratch.reader, now: now, eventTimes: head.eventTimes,
                bytesMax: frameBytesMax)
            guard FrameHeader.byteCount + answer.count <= frameBytesMax else { return 0 }
            output.append(answerTo: first.header, bodyBytesMax: answer.count) { $0.append(contentsOf: answer) }
            return 1
        }
        return try get.read(scratch.keys, rowCount: rowCount, by: scratch.reader, now: now) { answer in
            var answer = answer
            var (answered, answeredBytes) = (0, 0)
            for (request, rows) in zip(requests, scratch.rows) {
                if rows.count < rowCount { answer.narrow(to: rows) }
                let count = answer.byteCountMax(eventTimes: head.eventTimes)
                let frameBytes = FrameHeader.byteCount + count
                answeredBytes += frameBytes
                guard frameBytes <= frameBytesMax, answered == 0 || answeredBytes <= Self.joinedBytesMax else { break }
                output.append(answerTo: request.header, bodyBytesMax: count) {
                    answer.write(to: &$0, eventTimes: head.eventTimes)
                }
                answered += 1
            }
            if answered > 0 { answer.count(0..<scratch.rows[answered - 1].upperBound) }
            return answered
        }
    }

    /// What a request's head says; `nil` where it asks to wait.
    private func head(_ bytes: RawSpan) throws(HeadwaterError) -> GetPreparedRequest? {
        if bytes.byteCount == 0 { return GetPreparedRequest() }
        var copy: [UInt8] = []
        copy.replaceAll(with: bytes)
        let head = try GetPreparedRequest(decoding: copy[...])
        try services.checkLog(head.logID)
        if head.minPosition > 0 {
            try PositionedStore(online).check(head.minPosition)
            if head.minPosition > scratch.reader.pinnedPosition ?? 0 { return nil }
        }
        return head
    }

    /// Gathers what is read at once: the first request, and joined with it the small ones behind it of the same handle and head,
    /// so that they share the fixed cost of a read, and wait for memory together.
    ///
    /// - Returns: rows of all of them.
    private func gather(
        _ requests: ArraySlice<FrameView>, _ bytes: RawSpan, _ get: PreparedGet, _ first: PackedColumns.Header
    ) -> Int {
        scratch.rows.removeAll(keepingCapacity: true)
        let rowCount = requests.count > 1 ? join(requests, bytes, get, first.tag) : 0
        if scratch.rows.count > 1 { return rowCount }
        scratch.rows.removeAll(keepingCapacity: true)
        scratch.rows.append(0..<first.rowCount)
        scratch.body.replaceAll(with: bytes.extracting(requests.first!.body))
        return first.rowCount
    }

    private func join(_ requests: ArraySlice<FrameView>, _ bytes: RawSpan, _ get: PreparedGet, _ handle: UInt64) -> Int {
        var rowCount = 0
        let firstHead = bytes.extracting(requests.first!.head)
        scratch.body.removeAll(keepingCapacity: true)
        scratch.body.append(contentsOf: repeatElement(0, count: PackedColumns.Header.byteCount))
        for request in requests {
            let body = bytes.extracting(request.body)
            guard let header = try? PackedColumns.Header(decoding: body), header.tag == handle,
                // Of other widths, a column would be padded in between.
                Self.keyWidth(ofSmall: body, header, get) == 8, bytes.extracting(request.head).hasSameBytes(as: firstHead),
                PreparedGet.isShort(rows: rowCount + header.rowCount, outputs: get.outputCount, bodyBytes: scratch.body.count)
            else { break }
            for row in 0..<header.rowCount {
                let key: UInt64 = body.littleEndian(at: PackedColumns.Header.byteCount + row * 8)
                scratch.body.append(littleEndian: key)
            }
            scratch.rows.append(rowCount..<rowCount + header.rowCount)
            rowCount += header.rowCount
        }
        let words = PackedColumns.Header(tag: handle, rowCount: rowCount, hasStatuses: false, hasEventTimes: false).words
        scratch.body.store(littleEndian: words.0, at: 0)
        scratch.body.store(littleEndian: words.1, at: 8)
        return rowCount
    }

    private func get(_ handle: UInt64) throws(HeadwaterError) -> PreparedGet {
        if let last, last.handle == handle { return last.get }
        if let known = prepared[handle] {
            last = (handle, known)
            return known
        }
        let online = online
        let entry = try services.handles.entry(handle, connection: connectionID)
        let fresh = PreparedGet(entry, nulls: services.expressionNulls) { online.state.catalog }
        prepared[handle] = fresh
        last = (handle, fresh)
        return fresh
    }
}
