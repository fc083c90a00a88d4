internal import FeatureModel
internal import Synchronization

/// The stripes of one map, each behind its own lock, in one allocation, each on its own cache line.
///
/// Safe to share: the pointer never changes nor leaves, each stripe is touched only under its lock, and the stripes go with
/// their owner.
@safe
struct Stripes: ~Copyable, @unchecked Sendable {
    static let bits: UInt64 = 8
    static let count = 1 << Int(bits)

    private static let stride = (MemoryLayout<Mutex<StripeTable>>.stride + 63) / 64 * 64
    private let base: UnsafeMutableRawPointer

    init() {
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: Self.count * Self.stride, alignment: 64)
        for index in 0..<Self.count {
            // In bounds; a mutex may move until it is first taken.
            let place = unsafe (base + index * Self.stride).bindMemory(to: Mutex<StripeTable>.self, capacity: 1)
            unsafe place.initialize(to: Mutex(StripeTable()))
        }
    }

    deinit {
        for index in 0..<Self.count {
            unsafe (base + index * Self.stride).assumingMemoryBound(to: Mutex<StripeTable>.self).deinitialize(count: 1)
        }
        unsafe base.deallocate()
    }

    /// The stripe of a hash: its top bits, so that stripe order is hash order.
    static func index(_ hash: UInt64) -> Int { Int(hash >> (64 - bits)) }

    private borrowing func withStripe<Result>(_ index: Int, _ body: (inout StripeTable) -> Result) -> Result {
        precondition(index >= 0 && index < Self.count)
        // In bounds by the precondition, initialized until `self` goes, and lent for this call only.
        let place = unsafe (base + index * Self.stride).assumingMemoryBound(to: Mutex<StripeTable>.self)
        var result: Result?
        unsafe place.pointee.withLock { result = body(&$0) }
        return result!
    }

    /// Copies the version of key `key` at position `visible` into `row`, unless `row` holds one of the same or a greater order.
    borrowing func read(_ keys: EncodedKeys, _ key: Int, at visible: Position, into row: inout RowBuffer) {
        withStripe(Self.index(keys.hashes[key])) { table in
            unsafe table.read(
                keys.hashes[key], keys.groupID, keys.bytes.span.bytes.extracting(keys.range(key)), at: visible, into: &row)
        }
    }

    borrowing func upsert(_ row: borrowing RowBuffer, isForced: Bool, needed: () -> [Position]) -> UpsertOutcome {
        // A borrowed row cannot be captured; the copy shares its storage.
        let row = copy row
        return withStripe(Self.index(row.header.hash)) { $0.upsert(row, isForced: isForced, needed: needed) }
    }

    /// Starts to load what upserts of these keys will touch.
    ///
    /// - Parameter rowBytes: about how large a row will be.
    borrowing func prefetch(_ hashes: ArraySlice<UInt64>, rowBytes: Int) {
        for hash in hashes { withStripe(Self.index(hash)) { $0.prefetchSlot(hash) } }
        for hash in hashes { withStripe(Self.index(hash)) { $0.prefetchRow(hash, byteCount: rowBytes) } }
    }

    borrowing func arenaBytes(_ index: Int) -> Int { withStripe(index) { $0.arena.count } }

    /// The rows of stripe `index` at position `visible`, sorted outside of the lock.
    borrowing func run(_ index: Int, at visible: Position) -> StripeRun {
        var run = withStripe(index) { StripeRun($0, at: visible) }
        run.sort()
        return run
    }
}
