import FeatureModel
import NIOCore
import NIOHTTP1

/// The body of one request as it comes in. It belongs to the task that answers the request; what is not taken is skipped behind
/// the answer.
final class WebBody {
    typealias Parts = NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator

    /// The connection broke in the middle of it.
    static let lost = HeadwaterError(.cancelled, "the client went away while it sent the request")

    private var parts: Parts
    /// Unpacks the body; `nil` where it is not packed.
    private var inflater: Inflater?
    private(set) var isAtEnd = false
    /// Whether the connection broke before the body had come: there is nobody to answer.
    private(set) var isLost = false
    /// Called before the body is first waited for.
    private var whenWanted: (() async throws -> Void)?
    /// What the head said of its length.
    private var announced: Int?
    /// Whether the client holds back the body until it is asked for it, and has not been.
    var isHeldBack: Bool { whenWanted != nil }
    /// Bytes taken so far, packed as they came.
    private(set) var byteCount = 0

    init(_ parts: Parts) { self.parts = parts }

    /// The next bytes; `nil` at the end.
    ///
    /// - Throws: `lost` where the client is gone in the middle of it.
    func next() async throws -> ByteBuffer? {
        guard let inflater else { return try await nextPart() }
        while true {
            if inflater.hasInput {
                let bytes = try inflater.step()
                if bytes.isEmpty { continue }
                return ByteBuffer(bytes: bytes)
            }
            if let part = try await nextPart() {
                inflater.feed(Array(part.readableBytesView))
                continue
            }
            // What is left inside comes out without more input.
            let rest = try inflater.step()
            if !rest.isEmpty { return ByteBuffer(bytes: rest) }
            guard !inflater.isInside else {
                throw HeadwaterError(.invalidArgument, "the gzip body is cut off: send it whole")
            }
            return nil
        }
    }

    /// Unpacks what follows.
    func unpackGzip() throws(HeadwaterError) { inflater = try Inflater() }

    private func nextPart() async throws -> ByteBuffer? {
        guard !isAtEnd else { return nil }
        if let whenWanted {
            self.whenWanted = nil
            try await whenWanted()
        }
        let part: HTTPServerRequestPart?
        do { part = try await parts.next() } catch {
            (isAtEnd, isLost) = (true, true)
            throw Self.lost
        }
        switch part {
        case .body(let bytes):
            byteCount += bytes.readableBytes
            return bytes
        case .end:
            isAtEnd = true
            return nil
        case .head, nil:
            (isAtEnd, isLost) = (true, true)
            throw Self.lost
        }
    }

    /// The whole body.
    ///
    /// - Throws: a refusal where it is larger than `bytesMax`, which is then not read to its end; `.unavailable` where other
    ///   bodies hold the memory.
    func collect(upTo bytesMax: Int, _ bodies: LargeBodies) async throws -> CollectedBody {
        if inflater == nil, let announced, announced > bytesMax { throw Refusal.bodyTooLarge(bytesMax: bytesMax) }
        let memory = BodyMemory(bodies)
        var all: [UInt8] = []
        while let bytes = try await next() {
            guard all.count + bytes.readableBytes <= bytesMax else { throw Refusal.bodyTooLarge(bytesMax: bytesMax) }
            try memory.take(bytes.readableBytes)
            all.append(contentsOf: bytes.readableBytesView)
        }
        return CollectedBody(all, memory)
    }

    /// A request's head has come.
    ///
    /// - Parameter whenWanted: called before its body, if it has one, is first waited for.
    func begin(_ head: HTTPRequestHead, whenWanted: (() async throws -> Void)? = nil) {
        announced = head.headers.first(name: "content-length").flatMap { Int($0) }
        let hasBody = announced.map { $0 > 0 } ?? head.headers.contains(name: "transfer-encoding")
        self.whenWanted = hasBody ? whenWanted : nil
    }

    /// Takes and drops what is left, where it is little: then the connection can serve another request.
    ///
    /// - Returns: whether all of it has come.
    func skipRest() async throws -> Bool {
        let limit = byteCount + (16 << 20)
        (inflater, whenWanted) = (nil, nil)
        while try await next() != nil { if byteCount > limit { return false } }
        return true
    }

    /// The request behind this one; `nil` where the client sends no more.
    func nextHead() async throws -> HTTPRequestHead? {
        guard case .head(let head) = try await parts.next() else { return nil }
        (isAtEnd, byteCount) = (false, 0)
        return head
    }
}
