#if HEADWATER_SABOTAGE
    internal import Synchronization

    #if !DEBUG
        #error("A sabotaged build exists to be caught by the fault harness: it is never built for release.")
    #endif
#endif

/// Faults that can be planted in the product, each a bug that a store of data once shipped: what the fault harness must catch.
///
/// They exist only in builds with `-D HEADWATER_SABOTAGE`, which release builds refuse; in all others `isPlanted` is a
/// constant, and the compiler leaves nothing of them. `make sabotage` plants one after the other (docs/reliability.md).
public enum Sabotage: String, CaseIterable, Sendable {
    /// A write in `sync` durability is answered before its fdatasync, which follows soon after.
    case acknowledgeBeforeSync
    /// A failed fdatasync is tried again, and believed.
    case retriedSync
    /// When a group commit fails, only its first write hears of it.
    case followersToldOK
    /// The log's durable position is published to followers before the fdatasync.
    case publishBeforeDurable
    /// A flush saves its position first, and the rows afterwards.
    case positionSavedBeforeData
    /// Snapshots leave the producer window out.
    case dedupLeftOutOfSnapshot
    /// Checksums are trusted without the length: in the record's header, and when a retry is told from other content.
    case checksumWithoutLength
    /// Directories are not synced after create and rename.
    case noDirectorySync
    /// Log segments go once the snapshot covers them, whether followers have read them or not.
    case earlySegmentDeletion
    /// A snapshot claims the position reached while it was written, of which its rows are not.
    case tornSnapshot
    /// The row that arrived last is the latest, whatever its event time.
    case latestByArrival
    /// Recovery hands out positions again that may have been seen before the crash.
    case reusedPositions
    /// A get reads rows of a record that is still being applied.
    case unpublishedRowsRead
    /// Rows of a removed group stay online.
    case removedRowsStay
    /// An append of which the log did not say that it has it counts as taken.
    case unansweredAppendCounts
}

#if HEADWATER_SABOTAGE
    extension Sabotage {
        /// Whether this build can be sabotaged.
        public static let isPossible = true
        private static let planted = Atomic<Int>(-1)

        /// Plants one fault in this process, in place of any before; `nil`: none.
        public static func plant(_ fault: Sabotage?) {
            planted.store(fault.flatMap { allCases.firstIndex(of: $0) } ?? -1, ordering: .relaxed)
        }

        public var isPlanted: Bool { Self.allCases.firstIndex(of: self) == Self.planted.load(ordering: .relaxed) }
    }
#else
    extension Sabotage {
        /// Whether this build can be sabotaged.
        public static let isPossible = false

        /// Does nothing in this build; callers check `isPossible`.
        public static func plant(_ fault: Sabotage?) {
            precondition(fault == nil, "this build cannot be sabotaged: build with -Xswiftc -DHEADWATER_SABOTAGE")
        }

        @inlinable @inline(__always) public var isPlanted: Bool { false }
    }
#endif
