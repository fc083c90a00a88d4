internal import FeatureModel
internal import NIOCore
public import Wire

/// Frames on their way out of one connection: gathered into one buffer, sent together.
///
/// Lives on the loop.
public struct OutputQueue {
    private static let joinedBytesMax = 1 << 20

    private var gathered = ByteBuffer()
    /// Taken out of `gathered` and not yet by the kernel, in order.
    private var unsent: [ByteBuffer] = []
    private(set) var unsentBytes = 0

    /// Bytes gathered and not sent.
    var gatheredBytes: Int { gathered.readableBytes }
    /// Bytes that the kernel has not taken.
    var waitingBytes: Int { unsentBytes + gathered.readableBytes }
    /// Whether the kernel had no room for all that was sent.
    var hasUnsent: Bool { unsentBytes > 0 }

    init() {}

    mutating func append(_ frame: EncodedFrame) { gathered.append(frame) }

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
    /// - Parameter memory: gets back what is sent.
    /// - Returns: bytes that the kernel took; `nil` where the connection is broken.
    mutating func send(on socket: Socket, _ memory: inout BufferPool) -> Int? {
        let before = waitingBytes
        if gathered.readableBytes > 0 { queueGathered(&memory) }
        while !unsent.isEmpty {
            let count = unsent[0].readableBytes
            let outcome = socket.send(&unsent[0])
            unsentBytes -= count - unsent[0].readableBytes
            guard outcome == .all else { return outcome == .failed ? nil : before - waitingBytes }
            memory.give(unsent.removeFirst())
        }
        return before - waitingBytes
    }

    private mutating func queueGathered(_ memory: inout BufferPool) {
        unsentBytes += gathered.readableBytes
        if let last = unsent.indices.last, unsent[last].readableBytes < Self.joinedBytesMax {
            // Behind what waits, small answers must not hold a buffer each. What was sent of it makes room first, where that is most of it: else a
            // buffer that never empties would grow with all that ever went through it.
            if unsent[last].readerIndex > unsent[last].readableBytes { unsent[last].discardReadBytes() }
            unsent[last].writeBuffer(&gathered)
            memory.give(gathered)
        } else {
            unsent.append(gathered)
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
