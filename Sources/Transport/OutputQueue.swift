internal import FeatureModel
internal import NIOCore
public import Wire

/// Frames on their way out of one connection: gathered into one buffer, sent together.
///
/// Lives on the loop.
public struct OutputQueue {
    private static let joinedBytesMax = 1 << 20
    /// A larger body is sent from where it is.
    private static let copiedBytesMax = 64 << 10
    /// Bytes that one call passes to the kernel.
    private static let callBytesMax = 128 << 10

    private enum Piece {
        case gathered(ByteBuffer)
        case body(ArraySlice<UInt8>)

        var byteCount: Int {
            switch self {
            case .gathered(let buffer): buffer.readableBytes
            case .body(let bytes): bytes.count
            }
        }
    }

    private var gathered = ByteBuffer()
    /// Pieces that have left `gathered` and that the kernel has not taken yet, in order.
    private var unsent: [Piece] = []
    private(set) var unsentBytes = 0

    /// Bytes gathered and not sent.
    var gatheredBytes: Int { gathered.readableBytes }
    /// Bytes that the kernel has not taken.
    var waitingBytes: Int { unsentBytes + gathered.readableBytes }
    /// Whether the kernel had no room for all that was sent.
    var hasUnsent: Bool { unsentBytes > 0 }

    init() {}

    mutating func append(_ frame: EncodedFrame) {
        guard frame.body.count > Self.copiedBytesMax else { return gathered.append(frame) }
        gathered.writeBytes(frame.prefix)
        unsent.append(.gathered(gathered))
        unsent.append(.body(frame.body))
        unsentBytes += gathered.readableBytes + frame.body.count
        gathered = ByteBuffer()
    }

    /// Lets go of all that waits.
    mutating func discard() {
        var pieces: [Piece] = []
        swap(&pieces, &unsent)
        (unsentBytes, gathered) = (0, ByteBuffer())
        while !pieces.isEmpty {
            switch pieces.removeLast() {
            case .gathered: break
            case .body(let bytes): Discards.take(consume bytes)
            }
        }
    }

    /// Appends what is no frame.
    mutating func append(_ bytes: [UInt8]) { gathered.writeBytes(bytes) }

    /// Appends the one answer of a request, whose body is written in place.
    ///
    /// - Parameter bodyBytesMax: as much as `body` writes at most.
    public mutating func append(
        answerTo request: FrameHeader, bodyBytesMax: Int, body: (inout OutputRawSpan) -> Void
    ) {
        gathered.writeWithOutputRawSpan(minimumWritableBytes: FrameHeader.byteCount + bodyBytesMax) { output in
            FrameEncoder.append(answerTo: request, to: &output, body: body)
        }
    }

    /// Gives it memory to gather in, where it has gathered nothing yet.
    mutating func use(_ memory: inout BufferPool) {
        if gathered.capacity == 0 { gathered = memory.take() }
    }

    /// Sends what waits, as far as the kernel takes it.
    ///
    /// - Parameters:
    ///   - bytesMax: about as much as is sent now, so that others get their turn.
    ///   - memory: gets back what is sent.
    /// - Returns: bytes that the kernel took; `nil` where the connection is broken.
    mutating func send(on socket: Socket, bytesMax: Int, _ memory: inout BufferPool) -> Int? {
        let before = waitingBytes
        if gathered.readableBytes > 0 { queueGathered(&memory) }
        // Small answers are one piece, and one call.
        while !unsent.isEmpty, before - waitingBytes < bytesMax {
            let count = unsent[0].byteCount
            let outcome = send(on: socket)
            let left = unsent[0].byteCount
            unsentBytes -= count - left
            if left == 0 {
                switch unsent.removeFirst() {
                case .gathered(let buffer): memory.give(buffer)
                case .body(let bytes): Discards.take(consume bytes)
                }
            }
            guard outcome == .all else { return outcome == .failed ? nil : before - waitingBytes }
        }
        return before - waitingBytes
    }

    /// Sends from the first piece, as much as goes into one call.
    private mutating func send(on socket: Socket) -> Socket.SendOutcome {
        switch unsent[0] {
        case .gathered(var buffer):
            // Let go of, so that there is one owner, and nothing is copied.
            unsent[0] = .body([])
            let outcome = socket.send(&buffer, bytesMax: Self.callBytesMax)
            unsent[0] = .gathered(buffer)
            return outcome
        case .body(var bytes):
            unsent[0] = .body([])
            let outcome = socket.send(&bytes, bytesMax: Self.callBytesMax)
            unsent[0] = .body(bytes)
            return outcome
        }
    }

    private mutating func queueGathered(_ memory: inout BufferPool) {
        unsentBytes += gathered.readableBytes
        if let last = unsent.indices.last, case .gathered(var buffer) = unsent[last], buffer.readableBytes < Self.joinedBytesMax {
            // Small answers that queue behind unsent ones share a buffer. Where most of it has been sent, that part is discarded
            // first: else a buffer that never empties would grow with all that ever went through it.
            unsent[last] = .body([])
            if buffer.readerIndex > buffer.readableBytes { buffer.discardReadBytes() }
            buffer.writeBuffer(&gathered)
            unsent[last] = .gathered(buffer)
            memory.give(gathered)
        } else {
            unsent.append(.gathered(gathered))
        }
        gathered = ByteBuffer()
    }
}

extension ByteBuffer {
    mutating func append(_ frame: EncodedFrame) {
        reserveCapacity(minimumWritableBytes: frame.byteCount)
        writeBytes(frame.prefix)
        writeBytes(frame.body)
    }
}

/// Buffers that were used, the last one first: it is still in the processor's caches.
///
/// Lives on the loop, whose connections share it: a loop that is served well allocates nothing, however many connections it has.
struct BufferPool {
    private static let buffersMax = 64
    /// A buffer that has grown beyond this is let go of.
    private static let bytesMax = 256 << 10

    private var buffers: [ByteBuffer] = []

    /// An empty buffer: one that was used, or a new one without memory.
    mutating func take() -> ByteBuffer {
        if buffers.isEmpty { return ByteBuffer() }
        var buffer = buffers.removeLast()
        // Nobody else holds it any more; else this makes a new one.
        buffer.clear()
        return buffer
    }

    mutating func give(_ buffer: ByteBuffer) {
        if buffers.count < Self.buffersMax && (1...Self.bytesMax).contains(buffer.capacity) { buffers.append(buffer) }
    }
}
