internal import FeatureModel
internal import Synchronization

/// What a reader pins: the live memtable, the frozen ones, the mapped snapshot, and the state of the groups. It is immutable, and
/// the store swaps it as a whole, so that a pin costs one reference.
final class MapSet: Sendable {
    let live: Memtable
    /// Frozen memtables, newest first. There is more than one where a snapshot failed or is still being written.
    let frozen: [Memtable]
    let mapped: SnapshotFile?
    let groups: [GroupID: GroupState]
    /// Tells these maps from all others of the process, without holding on to them.
    let number: UInt64

    private static let lastNumber = Atomic<UInt64>(0)

    init(live: Memtable, frozen: [Memtable] = [], mapped: SnapshotFile? = nil, groups: [GroupID: GroupState] = [:]) {
        self.live = live
        self.frozen = frozen
        self.mapped = mapped
        self.groups = groups
        number = Self.lastNumber.add(1, ordering: .relaxed).newValue
    }

    /// Copies the latest row of one key as of position `visible` into `row`; leaves it empty where there is none.
    ///
    /// - Throws: `.dataLoss` where the snapshot is damaged.
    func read(_ keys: EncodedKeys, at visible: Position, into row: inout RowBuffer) throws(HeadwaterError) {
        row.clear()
        var found = FoundRows()
        try find(keys, at: visible, rowBytes: 0, into: &found)
        guard let stored = found.rows.first, stored.address != 0 else { return }
        stored.withRecord { row.assign($0, hash: keys.hashes[0]) }
    }
}

/// Positions at which readers are reading, in rising order: gets, and views of the whole store.
struct Pins: Sendable {
    private var pins: [(position: Position, count: Int)] = []

    /// New pins are at the visible position, which never falls.
    mutating func add(_ position: Position) {
        if let last = pins.last, last.position == position {
            pins[pins.count - 1].count += 1
        } else {
            precondition(pins.last?.position ?? 0 < position || pins.isEmpty)
            pins.append((position, 1))
        }
    }

    mutating func remove(_ position: Position) {
        let index = pins.firstIndex { $0.position == position }!
        pins[index].count -= 1
        if pins[index].count == 0 { pins.remove(at: index) }
    }

    /// The lowest position that is pinned, or will be where none is now.
    func oldest(visible: Position) -> Position { pins.first?.position ?? visible }

    /// Positions whose versions must stay, falling; new readers come at `visible`.
    func needed(visible: Position) -> [Position] {
        let falling = pins.reversed().map(\.position)
        return falling.first == visible ? falling : [visible] + falling
    }
}
