public import FeatureModel
internal import StorageIO
internal import Synchronization

/// The online store: for each (group, key) the latest row by (event_time, position, row), as a fold of the log.
///
/// One thread applies records in position order; any thread reads; snapshots are written beside both.
///
/// 1. `apply` puts each row of a record into the live memtable (`Map/`), then `publish` makes the record visible as a whole.
/// 2. A read pins the maps and the visible position in one step (`pin`), asks the live memtable, the frozen ones and the mapped
///    snapshot (`Read/`), and lets go. Superseded rows stay as long as a reader needs them.
/// 3. `beginSnapshot` freezes the live memtable; `writeSnapshot` (`Snapshot/`) writes all maps as they were into one file;
///    `adopt` puts the file in their place.
public final class OnlineStore: Sendable {
    /// The function stands in a struct: a mutex that holds a function
    /// itself wraps it anew at each access, one wrapping around the other.
    private struct Pause: Sendable { let call: @Sendable () -> Void }

    /// What readers take in one step.
    private struct State {
        var maps: MapSet
        /// Every record up to here has been applied whole.
        var visible: Position
        var ingestTimeHighWater: Microseconds
        var pins = Pins()
    }

    /// What belongs to the thread that applies.
    private struct Applying {
        var row = RowBuffer()
        var reads = ReadWatch()
        var rowGroup: RowGroup?
        /// Records of one row since the last pause.
        var rowsSincePause = 0
    }

    let storage: any Storage
    let directory: String
    private let lock: any StorageLock
    let seed: UInt64
    let logID: [UInt8]
    /// The lock is only held for as long as it takes to copy or swap what it guards.
    private let state: Mutex<State>
    /// The lock is held while one record is applied or the maps are frozen.
    private let applying = Mutex(Applying())
    private let published: Atomic<Position>
    /// Reads since the store was opened.
    private let readCount = Atomic<Int>(0)
    /// Maps that the last snapshot replaced, to be let go of by `returnFreedMemory`.
    private let outgoing = Mutex<MapSet?>(nil)
    private let pause = Mutex(Pause(call: {}))
    private let counters = Mutex<[GroupID: GroupCounters]>([:])

    /// The engine's part of the snapshot that the store was opened from; empty without one.
    public let recoveredExtra: [UInt8]

    /// - Parameter older: the rows of `mapped`, where it is of a format that is not probed in place.
    init(
        storage: any Storage, directory: String, lock: any StorageLock, seed: UInt64, logID: [UInt8], mapped: SnapshotFile?,
        older: Memtable? = nil
    ) {
        self.storage = storage
        self.directory = directory
        self.lock = lock
        self.seed = seed
        self.logID = logID
        // Rows of an older format are in memory: of those nothing is probed in the file.
        let maps = MapSet(
            live: Memtable(seed: seed), frozen: older.map { [$0] } ?? [], mapped: older == nil ? mapped : nil,
            groups: mapped?.meta.groups ?? [:])
        let position = mapped?.header.position ?? 0
        state = Mutex(
            State(maps: maps, visible: position, ingestTimeHighWater: mapped?.header.ingestTimeHighWater ?? .min))
        published = Atomic(position)
        recoveredExtra = mapped?.meta.extra ?? []
    }

    /// The last record whose every row a read sees.
    public var appliedPosition: Position { published.load(ordering: .acquiring) }

    /// The greatest ingest time applied; `Int64.min` before the first record.
    public var ingestTimeHighWater: Microseconds { state.withLock { $0.ingestTimeHighWater } }

    /// Rows of the group older than this are hidden; `nil` where there is no cutoff.
    public func cutoff(of groupID: GroupID) -> Microseconds? {
        state.withLock { $0.maps.groups[groupID].flatMap { $0.cutoff == .min ? nil : $0.cutoff } }
    }

    /// The maps as they are now. Not pinned: rows of theirs may be freed, but for the thread that applies.
    var maps: MapSet { state.withLock { $0.maps } }

    /// Cut position of the snapshot in use; 0 without one.
    public var snapshotPosition: Position { state.withLock { $0.maps.mapped?.header.position ?? 0 } }

    /// Bytes of the snapshot in use; 0 without one.
    public var snapshotBytes: Int { state.withLock { $0.maps.mapped?.map.count ?? 0 } }

    /// Bytes of rows that are in memory and in no adopted snapshot: what tells that it is time for one.
    public var memoryBytes: Int {
        let maps = self.maps
        return maps.live.byteCount + maps.frozen.reduce(0) { $0 + $1.byteCount }
    }

    /// Bytes of memory that all rows take: maps with their free room and superseded versions, and the mapped snapshot.
    public var residentBytes: Int {
        let maps = self.maps
        return ([maps.live] + maps.frozen).reduce(maps.mapped?.map.count ?? 0) { $0 + $1.memoryBytes }
    }

    /// Maps that wait for a snapshot; each failed snapshot leaves one more, and each is asked by every read.
    public var frozenCount: Int { state.withLock { $0.maps.frozen.count } }

    /// Rows of each group, cheaply: a key in memory and in the snapshot too counts in both, and a row hidden since counts still.
    ///
    /// Exact counts come from `OnlineReadView.statistics`.
    /// - Complexity: O(groups).
    public var statisticsAtMost: [GroupID: GroupStatistics] {
        let maps = self.maps
        var all = maps.mapped?.meta.statistics ?? [:]
        for memtable in [maps.live] + maps.frozen {
            for (id, counts) in memtable.statistics { all[id, default: GroupStatistics()].add(counts) }
        }
        return all
    }

    /// Called every few rows by a thread that writes a snapshot, and while there are reads by one that applies a
    /// record, holding nothing that a read waits for: may let other threads have its core.
    public var betweenRows: @Sendable () -> Void {
        get { pause.withLock { $0.call } }
        set { pause.withLock { $0 = Pause(call: newValue) } }
    }

    /// Hits and misses of each group that was read, in keys, since the store was opened.
    public var readCounters: [GroupID: GroupCounters] { counters.withLock { $0 } }

    func counters(of groupID: GroupID) -> GroupCounters {
        counters.withLock { all in
            if let known = all[groupID] { return known }
            let fresh = GroupCounters()
            all[groupID] = fresh
            return fresh
        }
    }

    // MARK: Reading: what a reader pins

    /// Pins the maps at the visible position; `unpin` must follow.
    func pin() -> (maps: MapSet, position: Position, ingestTimeHighWater: Microseconds) {
        state.withLock { state in
            state.pins.add(state.visible)
            readCount.add(1, ordering: .relaxed)
            return (state.maps, state.visible, state.ingestTimeHighWater)
        }
    }

    func unpin(_ position: Position) { state.withLock { $0.pins.remove(position) } }

    /// Positions whose versions a compaction must leave, falling.
    func neededPositions() -> [Position] { state.withLock { $0.pins.needed(visible: $0.visible) } }

    // MARK: Applying

    /// Bounds the memory of rows that are packed and not yet in the map, in rows and in bytes.
    private static let rowsPackedAtOnce = 1_024
    private static let bytesPackedAtOnce = 4 << 20
    private static let rowsLoadedAhead = 32
    /// Rows that are applied between two pauses: they take about a tenth of a millisecond.
    static let rowsBetweenPauses = 64
    /// The same of records of one row each, with all that is done for a record.
    private static let recordsBetweenPauses = 8

    /// Applies one record and makes it visible as a whole. A record at or before the applied position changes nothing.
    ///
    /// Called in position order by one thread. Never refuses: what can be refused was refused before it was logged.
    /// - Complexity: O(cells), amortised.
    public func apply(_ record: AppliedRecord) {
        applying.withLock { applying in
            guard record.position > appliedPosition else { return }
            let maps = self.maps
            var reads = applying.reads
            defer { applying.reads = reads }
            let giveWay = betweenRows
            func pause() { if reads.areComing(count: readCount.load(ordering: .relaxed)) { giveWay() } }
            var groups = maps.groups
            var groupsChanged = false
            func know(_ schema: GroupSchema) {
                guard groups[schema.groupID]?.holds(schema) != true else { return }
                if groups[schema.groupID, default: GroupState()].add(schema) { groupsChanged = true }
            }
            switch record.change {
            case .nothing: break
            case .cutoff(let cutoff):
                groups[cutoff.groupID, default: GroupState()].raise(cutoff: cutoff.cutoff)
                groupsChanged = true
            case .removals(let removals):
                for removal in removals where !Sabotage.removedRowsStay.isPlanted {
                    groups[removal.groupID, default: GroupState()].raise(cutoff: GroupRemoval.cutoff)
                    groupsChanged = true
                }
            case .row(let row):
                let schema = row.schema
                if applying.rowGroup?.holds(schema, in: maps) != true {
                    know(schema)
                    applying.rowGroup = RowGroup(
                        maps: maps.number, groupID: schema.groupID, schemaVersion: schema.schemaVersion,
                        cutoff: groups[schema.groupID]!.cutoff)
                }
                applying.rowsSincePause += 1
                if applying.rowsSincePause >= Self.recordsBetweenPauses {
                    applying.rowsSincePause = 0
                    pause()
                }
                apply(row, of: record, to: maps.live, cutoff: applying.rowGroup!.cutoff, &applying.row, pause)
            case .rows(let entries):
                for entry in entries { know(entry.schema) }
                for entry in entries {
                    apply(entry, of: record, to: maps.live, groups[entry.schema.groupID]!, &applying.row, pause)
                }
            }
            publish(record.position, ingestTime: record.ingestTime, groups: groupsChanged ? groups : nil)
        }
    }

    private func apply(
        _ row: SingleRow, of record: AppliedRecord, to live: Memtable, cutoff: Microseconds, _ buffer: inout RowBuffer,
        _ pause: () -> Void
    ) {
        let eventTime = row.eventTime
        // The row is hidden now and for ever: there is nothing to keep.
        if eventTime < cutoff { return }
        buffer.build(row, order: RowOrder(eventTime: eventTime, position: record.position, row: 0), seed: seed)
        var counted = GroupStatistics()
        live.upsert(buffer, counted: &counted, needed: neededPositions, pause: pause)
        live.add(counted, to: row.schema.groupID)
    }

    private func apply(
        _ entry: AppliedEntry, of record: AppliedRecord, to live: Memtable, _ group: GroupState, _ buffer: inout RowBuffer,
        _ pause: () -> Void
    ) {
        let schema = entry.schema
        let rowCount = entry.batch.rowCount
        let keys = EncodedKeys(schema.groupID, entry.keyColumns, rowCount: rowCount, seed: seed)
        let layout = group.versions[schema.schemaVersion]!.layout
        let features: [Column?]? =
            entry.operation == .delete
            ? nil : schema.features.indices.map { entry.batch.column(ordinal: schema.featureBase + $0) }
        let eventTimes = entry.eventTimes(ingestTime: record.ingestTime)
        var counted = GroupStatistics()
        let rowsAtOnce = max(1, min(Self.rowsPackedAtOnce, Self.bytesPackedAtOnce / max(1, layout.fixedBytes)))
        let rowBytes = RowHeader.byteCount + keys.keyBytes + (features == nil ? 0 : layout.fixedBytes)
        for start in stride(from: 0, to: rowCount, by: rowsAtOnce) {
            let rows = start..<min(start + rowsAtOnce, rowCount)
            let packed = features.map { PackedRows($0, rows: rows, layout: layout) }
            for row in rows where !keys.isNull(row) {
                if row % Self.rowsLoadedAhead == 0, rowCount > 1 {
                    if row % Self.rowsBetweenPauses == 0 { pause() }
                    live.prefetch(keys.hashes[row..<min(row + Self.rowsLoadedAhead, rowCount)], rowBytes: rowBytes)
                }
                let eventTime = eventTimes[row]
                // The row is hidden now and for ever: there is nothing to keep.
                if eventTime < group.cutoff { continue }
                let order = RowOrder(eventTime: eventTime, position: record.position, row: UInt32(entry.firstRow + row))
                buffer.build(
                    keys: keys, row: row, order: order, schemaVersion: schema.schemaVersion, features: packed)
                live.upsert(buffer, counted: &counted, needed: neededPositions, pause: pause)
            }
        }
        live.add(counted, to: schema.groupID)
    }

    /// Changes the features of the latest row of a key without a record: damage that only the audit can find.
    ///
    /// - Parameter features: one column for each feature of the row's schema version; `row` of them is taken.
    /// - Returns: whether the key has a row that is no tombstone.
    package func replaceRowBehindTheLog(
        groupID: GroupID, key: [UInt8], features: [Column?], row: Int
    ) throws(HeadwaterError) -> Bool {
        try applying.withLock { applying throws(HeadwaterError) in
            let (maps, visible) = state.withLock { ($0.maps, $0.visible) }
            let keys = EncodedKeys(groupID, key: key, seed: seed)
            try maps.read(keys, at: visible, into: &applying.row)
            guard !applying.row.isEmpty, !applying.row.header.isTombstone, let group = maps.groups[groupID] else { return false }
            let old = applying.row.header
            guard let layout = group.versions[old.schemaVersion]?.layout else { return false }
            let picked = features.map { column in column?.gather([row]) }
            applying.row.build(
                keys: keys, row: 0, order: old.order, schemaVersion: old.schemaVersion,
                features: PackedRows(picked, rows: 0..<1, layout: layout))
            var counted = GroupStatistics()
            maps.live.upsert(applying.row, isForced: true, counted: &counted, needed: neededPositions, pause: {})
            maps.live.add(counted, to: groupID)
            return true
        }
    }

    /// Takes in latest rows as the history gives them, without a record.
    func restore(_ rows: RestoredRows) {
        applying.withLock { applying in
            let maps = self.maps
            let schema = rows.schema
            var groups = maps.groups
            _ = groups[schema.groupID, default: GroupState()].add(schema)
            let keys = EncodedKeys(schema.groupID, rows.keys, rowCount: rows.orders.count, seed: seed)
            let packed = PackedRows(rows.features, rows: rows.orders.indices, layout: SchemaVersion(schema).layout)
            var counted = GroupStatistics()
            for row in rows.orders.indices {
                applying.row.build(
                    keys: keys, row: row, order: rows.orders[row],
                    schemaVersion: schema.schemaVersion, features: rows.tombstones[row] ? nil : packed)
                maps.live.upsert(applying.row, counted: &counted, needed: neededPositions, pause: {})
            }
            maps.live.add(counted, to: schema.groupID)
            publish(appliedPosition, ingestTime: rows.ingestTimes.max() ?? .min, groups: groups)
        }
    }

    /// Makes a record visible; called with `applying` held.
    func publish(_ position: Position, ingestTime: Microseconds, groups: [GroupID: GroupState]?) {
        let (live, before) = state.withLock { state in
            if let groups {
                let maps = state.maps
                state.maps = MapSet(live: maps.live, frozen: maps.frozen, mapped: maps.mapped, groups: groups)
            }
            defer { state.visible = position }
            state.ingestTimeHighWater = max(state.ingestTimeHighWater, ingestTime)
            return (state.maps.live, state.visible)
        }
        published.store(position, ordering: .releasing)
        live.stripes.retire(visible: before) { state.withLock { $0.pins.oldest(visible: $0.visible) } }
    }

    // MARK: Snapshots: the cut, and putting one to use

    /// Freezes the maps at the applied position and lets writes go to new ones: the cut of the next snapshot.
    ///
    /// The engine takes what goes into `extra` at the same position, before it applies another record.
    /// - Complexity: O(stripes).
    public func beginSnapshot() -> OnlineReadView {
        applying.withLock { _ in
            state.withLock { state in
                let maps = state.maps
                var frozen = maps.frozen
                if maps.live.byteCount > 0 {
                    frozen.insert(maps.live, at: 0)
                    state.maps = MapSet(
                        live: Memtable(seed: seed), frozen: frozen, mapped: maps.mapped, groups: maps.groups)
                }
                // The cut has no pin: frozen maps hold nothing newer than it, and the live map is not part of it.
                let cut = MapSet(live: Memtable(seed: seed), frozen: frozen, mapped: maps.mapped, groups: maps.groups)
                return OnlineReadView(
                    cut, position: state.visible, ingestTimeHighWater: state.ingestTimeHighWater, pinnedIn: nil)
            }
        }
    }

    /// Puts a written snapshot to use, lets go of the maps it stands for, and removes the snapshots before it.
    ///
    /// A snapshot that is older than the one in use changes nothing.
    /// - Throws: where an old file cannot be removed; the new one is in use all the same.
    public func adopt(_ written: WrittenSnapshot) throws(HeadwaterError) {
        let isAdopted = state.withLock { state in
            let maps = state.maps
            guard written.position >= maps.mapped?.header.position ?? 0 else { return false }
            let frozen = maps.frozen.filter { memtable in !written.merged.contains(ObjectIdentifier(memtable)) }
            state.maps = MapSet(live: maps.live, frozen: frozen, mapped: written.file, groups: maps.groups)
            // Freeing a map takes long, so that `returnFreedMemory` does it.
            outgoing.withLock { $0 = maps }
            return true
        }
        guard isAdopted else { return }
        for name in try storage.list(directory) {
            if let position = SnapshotFormat.position(ofName: name), position < written.position {
                try storage.remove(StoragePath.join(directory, name))
            }
        }
    }

    /// Lets go of the maps that the last `adopt` took out of use, and gives
    /// their memory back to the system: for a thread that nobody waits for.
    public func returnFreedMemory() {
        let maps = outgoing.withLock { outgoing in
            defer { outgoing = nil }
            return outgoing
        }
        withExtendedLifetime(maps) {}
        _ = consume maps
        MapMemory.returnFreedPages()
    }

    /// Releases the directory's lock; the store must not be used again.
    public func close() { lock.release() }
}
