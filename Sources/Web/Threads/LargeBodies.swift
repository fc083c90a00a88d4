import FeatureModel
import Synchronization

/// The memory of bodies that are worked on, and the thread that large ones are parsed on, so that small requests never wait for
/// them.
final class LargeBodies: Sendable {
    /// What all bodies may hold together: as they came unpacked, what they were parsed to, and lines that are not written yet.
    static let bytesMax = 128 << 20
    /// A body up to this is parsed where it was read.
    private static let smallBytesMax = 256 << 10

    private let taken = Atomic<Int>(0)
    private let threads = WebThreads(1, name: "http-large")

    func shutdown() async { await threads.shutdown() }

    /// - Throws: `.unavailable` where others hold the memory.
    fileprivate func take(_ bytes: Int) throws(HeadwaterError) {
        guard taken.add(bytes, ordering: .relaxed).newValue <= Self.bytesMax else {
            giveBack(bytes)
            throw HeadwaterError(
                .unavailable, "large requests by HTTP hold \(Self.bytesMax) bytes already: try again when they are done")
        }
    }

    fileprivate func giveBack(_ bytes: Int) { taken.subtract(bytes, ordering: .relaxed) }

    /// Memory for what a body was parsed to. One takes half of all at most, so that each gets its turn, whatever its size: large
    /// ones are parsed one after the other.
    ///
    /// - Throws: `.unavailable` where others hold it.
    func memory(parsed bytes: Int) throws(HeadwaterError) -> BodyMemory {
        let memory = BodyMemory(self)
        try memory.take(min(bytes, Self.bytesMax / 2))
        return memory
    }

    /// Runs work on a body of so many bytes.
    func work<Result: Sendable>(
        on bytes: Int, _ body: @Sendable () throws(HeadwaterError) -> Result
    ) async throws -> Result {
        if bytes <= Self.smallBytesMax { return try body() }
        return try await withTaskExecutorPreference(threads) { () async throws -> Result in
            // Whoever waited long in front of this may be gone.
            try Task.checkCancellation()
            return try body()
        }
    }
}

/// A request's part of the memory for bodies. It is given back when this is let go.
final class BodyMemory: Sendable {
    fileprivate let bodies: LargeBodies
    private let taken = Atomic<Int>(0)

    init(_ bodies: LargeBodies) { self.bodies = bodies }

    deinit { bodies.giveBack(taken.load(ordering: .relaxed)) }

    /// Takes memory for more bytes.
    ///
    /// - Throws: `.unavailable` where others hold it.
    func take(_ bytes: Int) throws(HeadwaterError) {
        try bodies.take(bytes)
        taken.add(bytes, ordering: .relaxed)
    }

    /// Gives some of it back.
    func giveBack(_ bytes: Int) {
        bodies.giveBack(bytes)
        taken.subtract(bytes, ordering: .relaxed)
    }
}

/// A body that was read whole, and its part of the memory for such bodies.
final class CollectedBody: Sendable {
    let bytes: [UInt8]
    private let memory: BodyMemory

    init(_ bytes: [UInt8], _ memory: BodyMemory) { (self.bytes, self.memory) = (bytes, memory) }

    /// Works on the bytes; of a large body on the thread for such.
    func work<Result: Sendable>(_ body: @Sendable ([UInt8]) throws(HeadwaterError) -> Result) async throws -> Result {
        let bytes = bytes
        return try await memory.bodies.work(on: bytes.count) { () throws(HeadwaterError) in try body(bytes) }
    }
}
