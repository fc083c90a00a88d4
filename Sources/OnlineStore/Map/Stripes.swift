internal import FeatureModel
internal import Synchronization

/// The stripes of one map. One thread writes; any thread reads, without a lock.
///
/// Safe to share: readers go by `published` alone, whose words are atomics. `tables` belong
/// to the one thread that applies, or to nobody any more once the map is frozen. Memory
/// that readers may still hold goes to `given`, until the store says that none does.
@safe
final class Stripes: @unchecked Sendable {
    static let bits: UInt64 = 8
    static let count = 1 << Int(bits)

    /// The slots of each stripe. Written seldom, so they share cache lines.
    private let published: UnsafeMutablePointer<Atomic<UInt>>
    private let tables: UnsafeMutablePointer<StripeTable>
    /// Given up since the last call of `retire`.
    private var given: [UInt] = []
    /// Bytes of memory, what is to be freed not counted.
    private(set) var memoryBytes = 0
    /// Given up before the position became visible.
    private var retired: [(visible: Position, memory: [UInt])] = []

    init(seed: UInt64) {
        unsafe published = .allocate(capacity: Self.count)
        unsafe tables = .allocate(capacity: Self.count)
        for index in 0..<Self.count {
            unsafe (published + index).initialize(to: Atomic(0))
            unsafe (tables + index).initialize(to: StripeTable(number: index, seed: seed))
        }
    }

    deinit {
        unsafe published.deinitialize(count: Self.count)
        unsafe published.deallocate()
        unsafe tables.deinitialize(count: Self.count)
        unsafe tables.deallocate()
        MapMemory.free(given)
        for item in retired { MapMemory.free(item.memory) }
    }

    /// The stripe of a hash: its top bits, so that stripe order is hash order.
    @inline(__always)
    static func index(_ hash: UInt64) -> Int { Int(hash >> (64 - bits)) }

    /// The slots of a stripe as they are now: for a reader that has pinned the map.
    @inline(__always)
    func slots(_ index: Int) -> Slots {
        // An index has `bits` bits.
        Slots(word: unsafe (published + index & (Self.count - 1)).pointee.load(ordering: .acquiring))
    }

    // MARK: By the thread that applies

    func upsert(
        _ row: borrowing RowBuffer, isForced: Bool, needed: () -> [Position], pause: () -> Void
    ) -> UpsertOutcome {
        let index = Self.index(row.hash)
        let before = unsafe tables[index].slots.word
        let bytesBefore = unsafe tables[index].memoryBytes
        let outcome = unsafe tables[index].upsert(row, isForced: isForced, needed: needed, pause: pause, given: &given)
        let after = unsafe tables[index].slots.word
        if after != before { unsafe (published + index).pointee.store(after, ordering: .releasing) }
        memoryBytes += unsafe tables[index].memoryBytes - bytesBefore
        return outcome
    }

    /// Starts to load what upserts of these keys will touch.
    ///
    /// - Parameter rowBytes: about how large a row will be.
    func prefetch(_ hashes: ArraySlice<UInt64>, rowBytes: Int) {
        for hash in hashes { unsafe tables[Self.index(hash)].slots.prefetch(hash) }
        for hash in hashes { unsafe tables[Self.index(hash)].prefetchRow(hash, byteCount: rowBytes) }
    }

    /// Frees what no reader can hold any more.
    ///
    /// - Parameters:
    ///   - visible: what readers that come now see: they may hold what was given up while it was.
    ///   - oldest: asked for the lowest position that a reader has pinned;
    ///     `visible` where none has. Only where there is something to free.
    func retire(visible: Position, oldest: () -> Position) {
        if given.isEmpty && retired.isEmpty { return }
        if !given.isEmpty {
            retired.append((visible, given))
            given = []
        }
        let oldest = oldest()
        while let first = retired.first, first.visible < oldest {
            MapMemory.free(first.memory)
            retired.removeFirst()
        }
    }

    /// Bytes of records, superseded ones among them.
    var arenaBytes: Int { (0..<Self.count).reduce(0) { unsafe $0 + tables[$1].arenaBytes } }
}
