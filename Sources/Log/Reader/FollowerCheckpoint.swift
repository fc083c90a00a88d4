public import FeatureModel
internal import StorageIO

/// How far a follower has durably got: while its file stands, the log keeps everything behind that position.
public struct FollowerCheckpoint: Hashable, Sendable {
    static let byteCount = 256

    public let logID: LogID
    /// Names the file; chosen by the follower.
    public let id: UInt64
    /// The name that people know it by, of at most `Limits.nameBytesMax` bytes; never part of a path.
    public let name: ByteString
    /// Everything up to here is durable at the follower.
    public let position: Position
    /// The writer epoch that the follower saw when it read up to there.
    public let writerEpoch: UInt64

    /// Traps where the name is too long.
    public init(logID: LogID, id: UInt64, name: ByteString, position: Position, writerEpoch: UInt64) {
        precondition(name.bytes.count <= Limits.nameBytesMax, "a follower's name is too long")
        self.logID = logID
        self.id = id
        self.name = name
        self.position = position
        self.writerEpoch = writerEpoch
    }

    /// Registers the follower, or moves it on, in one durable step. `directory` is the log's.
    ///
    /// - Parameter writer: sets the log's owner apart from a follower of its directory that registers itself at the same time.
    func save(_ storage: any Storage, _ directory: String, writer: String? = nil) throws(HeadwaterError) {
        var bytes = LogFormat.block(magic: "HWFOLLOW")
        bytes.append(contentsOf: logID.bytes)
        bytes.append(littleEndian: id)
        bytes.append(littleEndian: position)
        bytes.append(littleEndian: writerEpoch)
        bytes.append(littleEndian: UInt32(name.bytes.count))
        bytes.pad(to: 64)
        bytes.append(contentsOf: name.bytes)
        LogFormat.seal(&bytes, count: FollowerCheckpoint.byteCount)
        try storage.replaceAtomically(FollowerCheckpoint.path(directory, id), bytes, writer: writer)
    }

    /// - Returns: `nil` where no such follower is registered.
    /// - Throws: `.dataLoss` for a damaged file, `.failedPrecondition` for a newer format.
    static func load(_ storage: any Storage, _ directory: String, id: UInt64) throws(HeadwaterError) -> FollowerCheckpoint? {
        let path = path(directory, id)
        guard storage.exists(path) else { return nil }
        let bytes = try storage.readAll(path)[...]
        try LogFormat.check(bytes, magic: "HWFOLLOW", count: byteCount, at: "\(path):0")
        let nameBytes = Int(bytes.littleEndian(at: 56, as: UInt32.self))
        guard bytes.littleEndian(at: 32, as: UInt64.self) == id, nameBytes <= Limits.nameBytesMax else {
            throw HeadwaterError(.dataLoss, "the file is not the one of follower \(id)", at: "\(path):32")
        }
        return FollowerCheckpoint(
            logID: LogID(bytes.part(at: 16, count: LogID.byteCount)), id: id,
            name: ByteString(bytes.part(at: 64, count: nameBytes)),
            position: bytes.littleEndian(at: 40), writerEpoch: bytes.littleEndian(at: 48))
    }

    /// All registered followers, by id.
    static func list(_ storage: any Storage, _ directory: String) throws(HeadwaterError) -> [FollowerCheckpoint] {
        var all: [FollowerCheckpoint] = []
        for name in try storage.list(StoragePath.join(directory, LogFormat.followersName)) {
            guard let id = LogFormat.number(in: name, prefix: "follower-") else { continue }
            if let checkpoint = try load(storage, directory, id: id) { all.append(checkpoint) }
        }
        return all.sorted { $0.id < $1.id }
    }

    /// Lets a follower go: the log no longer waits for it. It must start anew when it returns.
    ///
    /// - Throws: `.notFound` where no such follower is registered.
    static func forget(_ storage: any Storage, _ directory: String, id: UInt64) throws(HeadwaterError) {
        let path = path(directory, id)
        guard storage.exists(path) else { throw HeadwaterError(.notFound, "no follower \(id) is registered", at: directory) }
        try storage.remove(path)
        try storage.syncDirectory(StoragePath.join(directory, LogFormat.followersName))
    }

    static func path(_ directory: String, _ id: UInt64) -> String {
        StoragePath.join(StoragePath.join(directory, LogFormat.followersName), LogFormat.followerName(id))
    }
}
