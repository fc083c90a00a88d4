/// The body of a status answer, as JSON: where the server and its stores stand. Times in microseconds since 1970 UTC.
public struct StatusReport: Codable, Hashable, Sendable {
    /// `online`, `offline`, or both.
    public var roles: [String]
    public var version: String
    /// Hexadecimal.
    public var logID: String
    public var wallTime: Int64
    /// The server's process, and when it opened its directory; absent without a server.
    public var pid: Int?
    public var startedAt: Int64?
    /// The data directory, and what its disk has free.
    public var directory: String?
    public var diskFreeBytes: Int?
    public var online: Online?
    public var offline: Offline?
    /// The history that a new follower is fetching; absent once it is here.
    public var bootstrap: Bootstrap?
    /// The scrub of this process; absent without a server.
    public var scrub: Scrub?
    /// The connections of the server and their memory; absent without a server.
    public var network: Network?

    private enum CodingKeys: String, CodingKey {
        // Spelt so that it is `log_id` in JSON.
        case logID = "logId"
        case roles, version, wallTime, pid, startedAt, directory, diskFreeBytes, online, offline, bootstrap, scrub, network
    }

    public struct Online: Codable, Hashable, Sendable {
        public var durability: String
        /// The last position given out, the last one on disk, the last one that reads see.
        public var lastPosition: UInt64
        public var durablePosition: UInt64
        public var appliedPosition: UInt64
        public var catalogPosition: UInt64
        public var snapshotPosition: UInt64
        /// Bytes of the snapshot's file.
        public var snapshotBytes = 0
        /// Bytes of rows that are in no snapshot yet.
        public var memoryBytes: Int
        /// Bytes of memory that all rows take, the mapped snapshot counted, and what they may take; absent without a cap.
        public var residentBytes = 0
        public var residentBytesMax: Int?
        public var producerSessions: Int
        public var logBytes: Int
        public var logSegments: Int
        public var oldestPosition: UInt64
        public var logBytesMax: Int
        public var followers: [Follower]
        public var groups: [OnlineGroup]
        /// How far the wall clock is ahead of trusted time, in microseconds, where
        /// it is not followed; negative behind it. Absent while all is well.
        public var clockAhead: Int64?
        /// Why no write is taken; absent while all is well.
        public var failure: String?

        public init(
            durability: String, lastPosition: UInt64, durablePosition: UInt64, appliedPosition: UInt64, catalogPosition: UInt64,
            snapshotPosition: UInt64, memoryBytes: Int, producerSessions: Int, logBytes: Int, logSegments: Int,
            oldestPosition: UInt64, logBytesMax: Int, followers: [Follower], groups: [OnlineGroup], failure: String?
        ) {
            self.durability = durability
            self.lastPosition = lastPosition
            self.durablePosition = durablePosition
            self.appliedPosition = appliedPosition
            self.catalogPosition = catalogPosition
            self.snapshotPosition = snapshotPosition
            self.memoryBytes = memoryBytes
            self.producerSessions = producerSessions
            self.logBytes = logBytes
            self.logSegments = logSegments
            self.oldestPosition = oldestPosition
            self.logBytesMax = logBytesMax
            self.followers = followers
            self.groups = groups
            self.failure = failure
        }
    }

    public struct Network: Codable, Hashable, Sendable {
        public var connections: Int
        public var connectionsMax: Int
        /// Memory that input and output of all connections hold, and may hold.
        public var bytes: Int
        public var bytesMax: Int
        /// The longest that an event loop ran in one turn since the start:
        /// so long a request may have waited for others of its loop.
        public var longestTurnMicroseconds: Int
        /// The longest turn by the clock: with what kept the loop from running. Absent from servers that do not say it.
        public var longestTurnByClockMicroseconds: Int?

        public init(
            connections: Int, connectionsMax: Int, bytes: Int, bytesMax: Int, longestTurnMicroseconds: Int,
            longestTurnByClockMicroseconds: Int?
        ) {
            self.connections = connections
            self.connectionsMax = connectionsMax
            self.bytes = bytes
            self.bytesMax = bytesMax
            self.longestTurnMicroseconds = longestTurnMicroseconds
            self.longestTurnByClockMicroseconds = longestTurnByClockMicroseconds
        }
    }

    /// A registered follower of the log.
    public struct Follower: Codable, Hashable, Sendable {
        public var name: String
        /// It holds everything up to here durably.
        public var position: UInt64
        /// Durable positions behind that.
        public var behind: UInt64
        /// Bytes of the log's segments that hold them.
        public var heldBytes: Int
        public var connected: Bool
        /// When it last said something, or a status found it; absent where neither has been since the server started.
        public var lastHeard: Int64?

        public init(name: String, position: UInt64, behind: UInt64, heldBytes: Int, connected: Bool, lastHeard: Int64?) {
            self.name = name
            self.position = position
            self.behind = behind
            self.heldBytes = heldBytes
            self.connected = connected
            self.lastHeard = lastHeard
        }
    }

    /// How far a new follower has come with the history of another offline service.
    public struct Bootstrap: Codable, Hashable, Sendable {
        public var source: String
        /// The position that the history will have.
        public var position: UInt64
        public var receivedBytes: Int
        public var totalBytes: Int
        /// Why the last attempt failed; absent while all is well.
        public var failure: String?

        public init(source: String, position: UInt64 = 0, receivedBytes: Int = 0, totalBytes: Int = 0, failure: String? = nil) {
            self.source = source
            self.position = position
            self.receivedBytes = receivedBytes
            self.totalBytes = totalBytes
            self.failure = failure
        }
    }

    /// Rows are counted cheaply: one that is in memory and in the snapshot counts twice until the next snapshot.
    public struct OnlineGroup: Codable, Hashable, Sendable {
        public var project: String
        public var group: String
        public var rowsAtMost: Int
        public var bytes: Int
        /// Keys that gets asked for since the server started: found, not there or hidden, older than max_age.
        public var hits = 0
        public var misses = 0
        public var expired = 0

        public init(project: String, group: String, rowsAtMost: Int, bytes: Int) {
            self.project = project
            self.group = group
            self.rowsAtMost = rowsAtMost
            self.bytes = bytes
        }
    }

    public struct Offline: Codable, Hashable, Sendable {
        /// The last position in chunks, and the last one that reads see.
        public var durablePosition: UInt64
        public var appliedPosition: UInt64
        /// Positions of the log that are not applied yet; absent where the log cannot be asked.
        public var lag: UInt64?
        /// Rows at those positions; absent where they are too many to be counted at each status, or the log is elsewhere.
        public var lagRows: Int?
        /// The age of the oldest record that is not applied yet, or, where the log is elsewhere, of the last one that is; 0 where
        /// none is missing.
        public var lagMicroseconds: Int64?
        /// The least position as of which every group can be read.
        public var oldestAsOf: UInt64
        public var groups: [OfflineGroup]
        /// Bytes of chunk files that were written of new rows, and again
        /// by compactions, since the server started; absent without one.
        public var flushedBytes: Int?
        public var compactedBytes: Int?
        /// Why nothing more is applied, why chunks cannot be written,
        /// or why the log cannot be followed; absent while all is well.
        public var failure: String?

        public init(
            durablePosition: UInt64, appliedPosition: UInt64, lag: UInt64?, oldestAsOf: UInt64, groups: [OfflineGroup],
            failure: String?
        ) {
            self.durablePosition = durablePosition
            self.appliedPosition = appliedPosition
            self.lag = lag
            self.oldestAsOf = oldestAsOf
            self.groups = groups
            self.failure = failure
        }
    }

    public struct OfflineGroup: Codable, Hashable, Sendable {
        public var project: String
        public var group: String
        public var rows: Int
        public var chunksByLevel: [Int]
        public var chunkBytes: Int
        public var memoryRows: Int
        /// The least position as of which the group can be read; absent in what older servers say.
        public var oldestAsOf: UInt64?

        public init(
            project: String, group: String, rows: Int, chunksByLevel: [Int], chunkBytes: Int, memoryRows: Int,
            oldestAsOf: UInt64?
        ) {
            self.project = project
            self.group = group
            self.rows = rows
            self.chunksByLevel = chunksByLevel
            self.chunkBytes = chunkBytes
            self.memoryRows = memoryRows
            self.oldestAsOf = oldestAsOf
        }
    }

    public init(roles: [String], version: String, logID: String, wallTime: Int64, online: Online?, offline: Offline?) {
        self.roles = roles
        self.version = version
        self.logID = logID
        self.wallTime = wallTime
        self.online = online
        self.offline = offline
    }
}
