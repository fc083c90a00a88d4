import FeatureModel
import Foundation
import Glibc
import ProcessSupport
import Wire

/// A good client that measures: gets of one row, one after the other, over connections to all loops of a server.
///
/// On sockets and a thread of its own, so that nothing of a client's runtime is in what it measures.
// One measurement at a time has it, on a thread of its own.
final class Probe: @unchecked Sendable {
    private struct Place {
        let socket: RawSocket
        let decoder: FrameDecoder
        let handle: UInt64
    }

    /// How long requests took, in microseconds.
    struct Times: Sendable {
        private let sorted: [Int]

        init(_ times: [Int]) { sorted = times.sorted() }

        var count: Int { sorted.count }

        func percentile(_ part: Double) -> Int {
            sorted.isEmpty ? .max : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
        }

        var worst: Int { sorted.last ?? .max }
    }

    private static let connectionCount = 4
    private static let answerSeconds = 30.0
    private static let pauseMicroseconds: UInt32 = 500
    private let path: String
    private var places: [Place] = []
    private var lastID: UInt64 = 10

    init(path: String) throws {
        self.path = path
        for _ in 0..<Self.connectionCount { places.append(try connect()) }
    }

    /// Measures as long as it is told to.
    ///
    /// - Throws: where a get is refused, or not answered in half a minute.
    func measure(while isWanted: @escaping @Sendable () -> Bool) async throws -> Times {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try self.run(while: isWanted) }) }
        }
    }

    private func run(while isWanted: () -> Bool) throws -> Times {
        // Of this thread alone: the harness must not be what makes others wait.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -10)
        var times: [Int] = []
        while isWanted(), !Interruption.isRequested {
            let begun = ContinuousClock.now
            try get(times.count % places.count)
            times.append(Int((ContinuousClock.now - begun) / .microseconds(1)))
            usleep(Self.pauseMicroseconds)
        }
        return Times(times)
    }

    private func get(_ index: Int) throws {
        lastID += 1
        let key = Column(wholes: [Int64(lastID % UInt64(WideRows.rowCount))])
        let body = PackedColumns.encode(tag: places[index].handle, rowCount: 1, columns: [key])
        let request = Requests.request(.getPrepared, id: lastID, head: GetPreparedRequest().encode(), body: body)
        _ = try Self.call(request, id: lastID, places[index].socket, places[index].decoder)
    }

    private func connect() throws -> Place {
        let socket = try RawSocket(path: path)
        var decoder = FrameDecoder()
        decoder.frameBytesMax = WireLimits().frameBytesMax
        _ = try Self.call(Requests.hello(), id: 1, socket, decoder)
        let prepare = PrepareRequest.with { ($0.project, $0.features) = (Groups.project, ["\(WideRows.group):cells"]) }
        let answer = try Self.call(Requests.request(.prepare, id: 2, head: prepare.encode()), id: 2, socket, decoder)
        return Place(socket: socket, decoder: decoder, handle: try PrepareReply(decoding: answer.head).handle)
    }

    /// Between two calls nothing is left in a decoder: there is one request at a time.
    private static func call(_ request: [UInt8], id: UInt64, _ socket: RawSocket, _ decoder: FrameDecoder) throws -> Frame {
        var decoder = decoder
        guard socket.sendAll(request) else { throw TortureError("a good client's connection was closed") }
        let deadline = ContinuousClock.now + .seconds(answerSeconds)
        while ContinuousClock.now < deadline {
            socket.waitUntilReadable(milliseconds: 1_000)
            guard let bytes = socket.receive() else { throw TortureError("a good client's connection was closed") }
            decoder.receive(bytes[...])
            while let frame = try decoder.next() {
                guard frame.header.requestID == id else { continue }
                if let error = frame.error { throw error }
                return frame
            }
        }
        throw TortureError("a good client's get was not answered within \(Int(answerSeconds)) s")
    }
}
