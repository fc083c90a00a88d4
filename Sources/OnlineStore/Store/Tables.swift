internal import FeatureModel

/// What a reader pins: the maps, and what is known of the groups. Immutable; the store swaps it as a whole.
struct Tables: Sendable {
    var live = Generation()
    /// Newest first. More than one where a snapshot failed or is still being written.
    var frozen: [Generation] = []
    var mapped: SnapshotFile?
    var groups: [GroupID: GroupState] = [:]

    /// Copies the latest row of a key as of position `visible` into `row`; leaves it empty where there is none.
    ///
    /// Every map is asked: a late row may lie in the live one while an older map holds a newer row.
    /// - Throws: `.dataLoss` where the snapshot is damaged.
    func read(_ keys: EncodedKeys, _ key: Int, at visible: Position, into row: inout RowBuffer) throws(HeadwaterError) {
        row.clear()
        live.read(keys, key, at: visible, into: &row)
        for generation in frozen { generation.read(keys, key, at: visible, into: &row) }
        if let mapped { try mapped.read(keys, key, into: &row) }
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

    /// Positions whose versions must stay, falling; new readers come at `visible`.
    func needed(visible: Position) -> [Position] {
        let falling = pins.reversed().map(\.position)
        return falling.first == visible ? falling : [visible] + falling
    }
}
