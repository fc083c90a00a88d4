import FeatureModel
import Synchronization

/// Bodies that are read whole: their memory, and the thread that large ones are parsed on, so that small requests never wait for
/// them.
final class LargeBodies: Sendable {
    /// What all bodies that are worked on may hold together, as they came unpacked.
    private static let bytesMax = 128 << 20
    /// A body up to this is parsed where it was read.
    private static let smallBytesMax = 256 << 10

    private let taken = Atomic<Int>(0)
    private let threads = WebThreads(1, name: "http-large")

    func shutdown() async { await threads.shutdown() }

    /// Takes memory for more bytes.
    ///
    /// - Throws: `.resourceExhausted` where others hold it.
    func take(_ bytes: Int) throws(HeadwaterError) {
        guard taken.add(bytes, ordering: .relaxed).newValue <= Self.bytesMax else {
            giveBack(bytes)
            throw HeadwaterError(
                .unavailable, "large requests by HTTP hold \(Self.bytesMax) bytes already: try again when they are done")
        }
    }

    func giveBack(_ bytes: Int) { taken.subtract(bytes, ordering: .relaxed) }

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

/// A body that was read whole, and its part of the memory for such bodies.
final class CollectedBody: Sendable {
    let bytes: [UInt8]
    private let bodies: LargeBodies

    init(_ bytes: [UInt8], _ bodies: LargeBodies) { (self.bytes, self.bodies) = (bytes, bodies) }

    deinit { bodies.giveBack(bytes.count) }

    /// Works on the bytes; of a large body on the thread for such.
    func work<Result: Sendable>(_ body: @Sendable ([UInt8]) throws(HeadwaterError) -> Result) async throws -> Result {
        let bytes = bytes
        return try await bodies.work(on: bytes.count) { () throws(HeadwaterError) in try body(bytes) }
    }
}
