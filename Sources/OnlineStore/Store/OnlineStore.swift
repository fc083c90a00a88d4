public import FeatureModel
internal import StorageIO
internal import Synchronization

/// The online store: for each (group, key) the latest row by (event_time, position, row), as a fold of the log.
///
/// One thread applies records in position order; any thread reads. A read sees one position: it pins the maps and that
/// position in one step, and superseded rows stay as long as a reader needs them. Snapshots are written beside both.
public final class OnlineStore: Sendable {
    /// In a struct, as a mutex that holds a function itself wraps it anew at each access, one wrapping around the other.
    private struct Pause: Sendable { let call: @Sendable () -> Void }

    /// What readers take in one step.
    struct State {
        var tables: Tables
        /// Every record up to here has been applied whole.
        var visible: Position
        var ingestTimeHighWater: Microseconds
        var pins = Pins()
    }

    let storage: any Storage
    let directory: String
    let lock: any StorageLock
    let seed: UInt64
    let logID: [UInt8]
    /// Guarded by itself; never held while a stripe is taken.
    let state: Mutex<State>
    /// Held while one record is applied or the maps are frozen: the row buffer of the applying thread.
    let applying = Mutex(RowBuffer())
    private let published: Atomic<Position>
    /// Tables that the last snapshot replaced, to be let go of by `returnFreedMemory`.
    let outgoing = Mutex<Tables?>(nil)
    private let pause = Mutex(Pause(call: {}))
    private let counters = Mutex<[GroupID: GroupCounters]>([:])

    /// The engine's part of the snapshot that the store was opened from; empty without one.
    public let recoveredExtra: [UInt8]

    /// - Parameter older: the rows of `mapped`, where it is of a format that is not probed in place.
    init(
        storage: any Storage, directory: String, lock: any StorageLock, seed: UInt64, logID: [UInt8], mapped: SnapshotFile?,
        older: Generation? = nil
    ) {
        self.storage = storage
        self.directory = directory
        self.lock = lock
        self.seed = seed
        self.logID = logID
        // Rows of an older format are in memory: of those nothing is probed in the file.
        let tables = Tables(
            live: Generation(seed: seed), frozen: older.map { [$0] } ?? [], mapped: older == nil ? mapped : nil,
            groups: mapped?.meta.groups ?? [:])
        let position = mapped?.header.position ?? 0
        state = Mutex(
            State(tables: tables, visible: position, ingestTimeHighWater: mapped?.header.ingestTimeHighWater ?? .min))
        published = Atomic(position)
        recoveredExtra = mapped?.meta.extra ?? []
    }

    /// The last record whose every row a read sees.
    public var appliedPosition: Position { published.load(ordering: .acquiring) }

    /// The greatest ingest time applied; `Int64.min` before the first record.
    public var ingestTimeHighWater: Microseconds { state.withLock { $0.ingestTimeHighWater } }

    /// Rows of the group older than this are hidden; `nil` where there is no cutoff.
    public func cutoff(of groupID: GroupID) -> Microseconds? {
        state.withLock { $0.tables.groups[groupID].flatMap { $0.cutoff == .min ? nil : $0.cutoff } }
    }

    /// Cut position of the snapshot in use; 0 without one.
    public var snapshotPosition: Position { state.withLock { $0.tables.mapped?.header.position ?? 0 } }

    /// Bytes of the snapshot in use; 0 without one.
    public var snapshotBytes: Int { state.withLock { $0.tables.mapped?.map.count ?? 0 } }

    /// Bytes of rows that are in memory and in no adopted snapshot: what tells that it is time for one.
    public var memoryBytes: Int {
        let tables = state.withLock { $0.tables }
        return tables.live.byteCount + tables.frozen.reduce(0) { $0 + $1.byteCount }
    }

    /// Bytes of memory that all rows take: maps with their free room and superseded versions, and the mapped snapshot.
    public var residentBytes: Int {
        let tables = state.withLock { $0.tables }
        return ([tables.live] + tables.frozen).reduce(tables.mapped?.map.count ?? 0) { $0 + $1.memoryBytes }
    }

    /// Maps that wait for a snapshot; each failed snapshot leaves one more, and each is asked by every read.
    public var frozenCount: Int { state.withLock { $0.tables.frozen.count } }

    /// Rows of each group, cheaply: a key in memory and in the snapshot too counts in both, and a row hidden since counts still.
    ///
    /// Exact counts come from `OnlineSnapshotView.statistics`.
    /// - Complexity: O(groups).
    public var statisticsAtMost: [GroupID: GroupStatistics] {
        let tables = state.withLock { $0.tables }
        var all = tables.mapped?.meta.statistics ?? [:]
        for generation in [tables.live] + tables.frozen {
            for (id, counts) in generation.statistics { all[id, default: GroupStatistics()].add(counts) }
        }
        return all
    }

    /// Called every few rows by a thread that applies a record or writes a snapshot, holding nothing that a read waits for: may let other
    /// threads have its core.
    public var betweenRows: @Sendable () -> Void {
        get { pause.withLock { $0.call } }
        set { pause.withLock { $0 = Pause(call: newValue) } }
    }

    /// What reads found of each group that was asked for, in keys, since the store was opened.
    public var readCounters: [GroupID: GroupCounters] { counters.withLock { $0 } }

    func counters(of groupID: GroupID) -> GroupCounters {
        counters.withLock { all in
            if let known = all[groupID] { return known }
            let fresh = GroupCounters()
            all[groupID] = fresh
            return fresh
        }
    }

    /// Makes a record visible; called with `applying` held.
    func publish(_ position: Position, ingestTime: Microseconds, groups: [GroupID: GroupState]?) {
        let (live, before) = state.withLock { state in
            if let groups {
                let tables = state.tables
                state.tables = Tables(live: tables.live, frozen: tables.frozen, mapped: tables.mapped, groups: groups)
            }
            defer { state.visible = position }
            state.ingestTimeHighWater = max(state.ingestTimeHighWater, ingestTime)
            return (state.tables.live, state.visible)
        }
        published.store(position, ordering: .releasing)
        live.stripes.retire(visible: before) { state.withLock { $0.pins.oldest(visible: $0.visible) } }
    }

    /// Pins the maps at the visible position; `unpin` must follow.
    func pin() -> (tables: Tables, position: Position, ingestTimeHighWater: Microseconds) {
        state.withLock { state in
            state.pins.add(state.visible)
            return (state.tables, state.visible, state.ingestTimeHighWater)
        }
    }

    func unpin(_ position: Position) { state.withLock { $0.pins.remove(position) } }

    /// Positions whose versions a compaction must leave, falling.
    func neededPositions() -> [Position] { state.withLock { $0.pins.needed(visible: $0.visible) } }

    /// Releases the directory's lock; the store must not be used again.
    public func close() { lock.release() }
}
