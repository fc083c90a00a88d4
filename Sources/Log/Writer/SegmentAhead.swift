internal import FeatureModel
internal import StorageIO
internal import Synchronization

/// The segment behind all that are written or staged, made ready ahead of need: an append that starts it finds its zeros on
/// the disk.
///
/// Its zeros may be written by another thread than the log's, so that appends do not wait for them.
final class SegmentAhead: RoomAhead {
    private struct State {
        /// The number of the segment.
        var number: UInt64
        /// The segment, with as many zeros as were written so far.
        var segment: PreparedSegment?
        var isOver = false
    }

    private let storage: any Storage
    private let directory: String
    private let options: LogOptions
    private let state: Mutex<State>
    /// Zeros that were written so far, and whether they are all. Beside the lock, which is held while zeros are written.
    private let zeros = Atomic<Int>(0)
    private let isWhole = Atomic<Bool>(false)
    /// How many times the segment before it is as large.
    private let growth: Atomic<Int>
    /// Bytes of records staged for which no zeros were written yet.
    private let appendedBytes: Atomic<Int>
    private let failed = Mutex<HeadwaterError?>(nil)

    /// Bytes that a step writes: so many that it is worth a call, so few that nobody waits long for it.
    private static let stepBytes = 256 << 10...4 << 20

    /// - Parameters:
    ///   - number: the first segment to be made ready.
    ///   - filled: bytes that the segment before it holds already.
    init(_ storage: any Storage, _ directory: String, _ options: LogOptions, number: UInt64, filled: Int) {
        self.storage = storage
        self.directory = directory
        self.options = options
        state = Mutex(State(number: number))
        growth = Atomic(Self.growth(options, number))
        appendedBytes = Atomic(filled)
    }

    var byteCount: Int { zeros.load(ordering: .relaxed) }
    var isReady: Bool { isWhole.load(ordering: .relaxed) }
    var isDue: Bool { !isReady && owedBytes >= Self.stepBytes.lowerBound }

    /// Zeros that should have been written since the last step: so many that the segment is whole when four fifths of the one
    /// before it are full, and no sooner, since the appends' syncs share the disk with them.
    private var owedBytes: Int { appendedBytes.load(ordering: .relaxed) / 4 * 5 * growth.load(ordering: .relaxed) }

    /// The bytes of records that so many zeros are owed for.
    private func covered(by zeros: Int) -> Int { zeros / 5 * 4 / growth.load(ordering: .relaxed) }

    /// The first failure of a step but a full disk.
    var failure: HeadwaterError? { failed.withLock { $0 } }

    func noteAppended(_ bytes: Int) { appendedBytes.add(bytes, ordering: .relaxed) }

    func step() throws(HeadwaterError) {
        try state.withLock { state throws(HeadwaterError) in
            guard !state.isOver, failure == nil else { return }
            let step = min(max(owedBytes, Self.stepBytes.lowerBound), Self.stepBytes.upperBound)
            do throws(HeadwaterError) {
                _ = try fill(&state, to: options.segmentBytes(number: state.number), step: step)
                appendedBytes.subtract(min(covered(by: step), appendedBytes.load(ordering: .relaxed)), ordering: .relaxed)
            } catch {
                if error.code != .resourceExhausted { failed.withLock { $0 = error } }
                throw error
            }
        }
    }

    /// Hands out the segment, whole, and with room for a record of `recordBytes` bytes; the one behind it is then the next.
    ///
    /// Waits for a step that another thread takes just now.
    ///
    /// - Throws: as `step`.
    func take(recordBytes: Int) throws(HeadwaterError) -> PreparedSegment {
        try state.withLock { state throws(HeadwaterError) in
            let bytes = max(options.segmentBytes(number: state.number), LogFormat.segmentHeaderBytes + recordBytes)
            let taken = try fill(&state, to: bytes, step: .max)
            state.segment = nil
            state.number += 1
            growth.store(Self.growth(options, state.number), ordering: .relaxed)
            // What filled the segment before is paid for.
            appendedBytes.store(0, ordering: .relaxed)
            note(0, isWhole: false)
            return taken
        }
    }

    /// Ends it: what another thread does later changes nothing. The next open removes what was prepared.
    func end() { state.withLock { $0.isOver = true } }

    private func fill(_ state: inout State, to bytes: Int, step: Int) throws(HeadwaterError) -> PreparedSegment {
        do throws(HeadwaterError) {
            if state.segment == nil { state.segment = try PreparedSegment(storage, directory, number: state.number) }
            try state.segment!.fill(to: bytes, step: step)
            note(state.segment!.bytes, isWhole: state.segment!.bytes >= bytes)
            return state.segment!
        } catch {
            appendedBytes.add(covered(by: byteCount), ordering: .relaxed)
            state.segment?.discard()
            state.segment = nil
            note(0, isWhole: false)
            throw error
        }
    }

    private static func growth(_ options: LogOptions, _ number: UInt64) -> Int {
        let before = options.segmentBytes(number: number - 1)
        return (options.segmentBytes(number: number) + before - 1) / before
    }

    private func note(_ bytes: Int, isWhole whole: Bool) {
        zeros.store(bytes, ordering: .relaxed)
        isWhole.store(whole, ordering: .relaxed)
    }
}
