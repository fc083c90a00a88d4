internal import FeatureModel
internal import Synchronization

/// What an upsert did.
enum UpsertOutcome {
    case inserted
    case replaced(wasTombstone: Bool, byteCount: Int)
    /// The row is older than the one there: nothing changed.
    case late
}

/// One stripe of the map, as the one thread that applies sees it:
/// the rows of the keys whose hashes start with the stripe's number.
///
/// An open-addressing table of slots points into an arena of row records. A newer row is appended and
/// names the one it supersedes as its previous version, so a reader at an older position still finds
/// it; compaction drops versions that no reader needs. Readers take no lock: they find the slots by
/// `published`, rows never move, and memory that is given up is only freed when no reader can hold it.
struct StripeTable: ~Copyable {
    static let compactionBytesMin = 64 << 10
    private static let slotBitsMin = 3

    private let seed: UInt64
    /// The stripe's number: keys come to all stripes alike, and they must not all grow or be compacted in one moment.
    private let number: Int
    private(set) var slots = Slots(word: 0)
    private var arena = RowArena()
    /// Keys.
    private(set) var count = 0
    /// Bytes of rows that a newer one supersedes.
    private(set) var supersededBytes = 0
    /// The superseded bytes at which to look for versions to drop.
    private var compactionBytes = compactionBytesMin

    /// - Parameters:
    ///   - number: among `Stripes.count`.
    ///   - seed: of the hashes: rows do not keep theirs.
    init(number: Int, seed: UInt64) {
        self.number = number
        self.seed = seed
    }

    deinit { MapMemory.free([slots.address]) }

    /// Bytes of records, superseded ones among them.
    var arenaBytes: Int { arena.usedBytes }

    /// Bytes of memory.
    var memoryBytes: Int { arena.byteCount + slots.count * 8 }

    /// Makes `row` the newest version of its key, unless a row of the same or a greater order is there.
    ///
    /// - Parameters:
    ///   - isForced: replace whatever is there; only the audit's own test does that.
    ///   - needed: positions whose versions readers still need, falling; asked for only before a compaction.
    ///   - pause: called now and then where the whole stripe is walked over; readers see the old slots meanwhile.
    ///   - given: takes memory that readers may still hold.
    /// - Complexity: O(bytes of the row) amortised.
    mutating func upsert(
        _ row: borrowing RowBuffer, isForced: Bool, needed: () -> [Position], pause: () -> Void, given: inout [UInt]
    ) -> UpsertOutcome {
        let order = row.header.order
        let record = unsafe row.bytes.span.bytes
        guard let found = slots.find(row.hash, row.header.groupID, record.extracting(row.keyRange)) else {
            if isFull { growSlots(pause, &given) }
            count += 1
            slots.insert(arena.append(record, previous: 0), hash: row.hash)
            return .inserted
        }
        let old = found.row.header
        let isLate = Sabotage.latestByArrival.isPlanted ? order.position < old.order.position : order <= old.order
        if !isForced && isLate { return .late }
        let previous = isForced ? found.row.previous : found.row.address
        slots[found.index] = Slots.tag(row.hash) | arena.append(record, previous: previous).address
        supersededBytes += old.recordCount + 8
        if supersededBytes >= compactionBytes && isMostlySuperseded {
            compact(needed: needed(), pause: pause, given: &given)
        }
        return .replaced(wasTombstone: old.isTombstone, byteCount: old.recordCount)
    }

    /// Whether between a half and three quarters of the slots are taken, the later the greater the stripe's number.
    private var isFull: Bool { count * 4 * Stripes.count >= slots.count * (2 * Stripes.count + number) }

    /// Whether 7 to 8 of 16 bytes of records are of superseded ones, the later the greater the stripe's number.
    private var isMostlySuperseded: Bool {
        supersededBytes * 16 >= arena.usedBytes / Stripes.count * (7 * Stripes.count + number)
    }

    /// Starts to load the row that the hash's first slot names, mostly the key's own, and the memory where a new one goes.
    func prefetchRow(_ hash: UInt64, byteCount: Int) {
        guard slots.count > 0 else { return }
        // Header and key.
        slots.firstRow(hash)?.prefetch(byteCount: 2 * RowHeader.byteCount)
        arena.prefetch(byteCount: byteCount)
    }

    /// Memory walked over between two pauses: about a tenth of a millisecond.
    private static let bytesBetweenPauses = 64 << 10
    /// Bytes of memory that a slot and the row that it names touch: a cache line each, at least.
    private static let slotBytes = 128
    /// Rows whose memory is loaded ahead of a walk over all slots.
    private static let rowsLoadedAhead = 16

    private mutating func growSlots(_ pause: () -> Void, _ given: inout [UInt]) {
        let old = slots
        slots = Slots(bits: old.count == 0 ? Self.slotBitsMin : old.count.trailingZeroBitCount + 1)
        for index in 0..<old.count {
            if (index + 1) % (Self.bytesBetweenPauses / Self.slotBytes) == 0 { pause() }
            Self.loadAhead(old, index)
            guard let row = old.row(at: index) else { continue }
            slots.insert(row, hash: row.hash(seed: seed))
        }
        if old.count > 0 { given.append(old.address) }
    }

    /// Drops the versions that no reader needs: for each key the newest stays, and for each needed position the first version
    /// at or before it.
    ///
    /// - Parameters:
    ///   - needed: falling positions.
    ///   - pause: called now and then, with nothing changed that readers see.
    /// - Complexity: O(bytes of the stripe + rows × needed positions).
    mutating func compact(needed: [Position], pause: () -> Void, given: inout [UInt]) {
        let old = slots
        given += arena.takeChunks()
        given.append(old.address)
        let fresh = Slots(bits: old.count.trailingZeroBitCount)
        var retained = 0
        var chain: [StoredRow] = []
        var walkedBytes = 0
        for index in 0..<old.count {
            walkedBytes += Self.slotBytes
            if walkedBytes >= Self.bytesBetweenPauses {
                pause()
                walkedBytes = 0
            }
            Self.loadAhead(old, index)
            guard let newest = old.row(at: index) else { continue }
            Self.collectVersions(from: newest, needed: needed, into: &chain)
            var copy = StoredRow(address: 0)
            for (place, row) in chain.enumerated().reversed() {
                let previous = copy.address
                copy = row.withRecord { record in
                    walkedBytes += record.byteCount
                    return arena.append(record, previous: previous)
                }
                if place > 0 { retained += row.header.recordCount + 8 }
            }
            // The slot keeps its index, as the same keys stand before it.
            fresh[index] = old[index] & ~Slots.addressMask | copy.address
        }
        slots = fresh
        supersededBytes = retained
        compactionBytes = max(Self.compactionBytesMin, retained * 2)
    }

    /// Starts to load the header and the key of a row that a walk comes to soon: rows lie anywhere.
    private static func loadAhead(_ slots: Slots, _ index: Int) {
        guard index + rowsLoadedAhead < slots.count else { return }
        slots.row(at: index + rowsLoadedAhead)?.prefetch(byteCount: 2 * RowHeader.byteCount)
    }

    /// The versions of one key to keep, newest first.
    private static func collectVersions(from newest: StoredRow, needed: [Position], into chain: inout [StoredRow]) {
        chain.removeAll(keepingCapacity: true)
        var next = 0
        var row = newest
        while true {
            var isNeeded = chain.isEmpty
            while next < needed.count, needed[next] >= row.position {
                isNeeded = true
                next += 1
            }
            if isNeeded { chain.append(row) }
            if next == needed.count || row.previous == 0 { return }
            row = StoredRow(address: row.previous)
        }
    }
}
