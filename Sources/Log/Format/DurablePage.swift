internal import FeatureModel
internal import StorageIO

/// The small shared page in which the writer publishes the durable position.
struct DurablePage {
    static let byteCount = 4_096
    private static let positionWord = 8
    private static let complementWord = 9
    private static let epochWord = 10

    let logID: LogID
    private let page: SharedPage

    /// The page of a new log: durable position 0.
    static func encode(_ logID: LogID) -> [UInt8] {
        var bytes = LogFormat.block(magic: "HWLOGPOS")
        bytes.append(contentsOf: logID.bytes)
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        bytes.pad(to: positionWord * 8)
        bytes.append(littleEndian: Position(0))
        bytes.append(littleEndian: ~Position(0))
        bytes.pad(to: byteCount)
        return bytes
    }

    /// - Throws: `.notFound`, `.dataLoss` where it does not hold, `.failedPrecondition` for a newer format.
    init(_ storage: any Storage, _ directory: String, writable: Bool) throws(HeadwaterError) {
        let path = StoragePath.join(directory, LogFormat.durableName)
        if !storage.exists(path) { try DurablePage.checkNotLost(storage, directory, path) }
        // The file is read only for the fields that never change; the words are read from the mapping.
        let file = try storage.open(path, .read)
        defer { file.close() }
        let head = try file.read(at: 0, count: 36)[...]
        try LogFormat.check(head, magic: "HWLOGPOS", count: 36, at: "\(path):0")
        let size = try file.size()
        guard size == DurablePage.byteCount else {
            throw HeadwaterError(.dataLoss, "the page has \(size) of \(DurablePage.byteCount) bytes", at: "\(path):\(size)")
        }
        logID = LogID(head.part(at: 16, count: LogID.byteCount))
        page = try storage.mapShared(path, byteCount: DurablePage.byteCount, writable: writable)
    }

    /// A log whose creation is over has its page: without it nobody knows what had been durable.
    private static func checkNotLost(_ storage: any Storage, _ directory: String, _ path: String) throws(HeadwaterError) {
        guard try Control.load(storage, directory).state != .creating, !storage.exists(path) else { return }
        throw HeadwaterError(
            .dataLoss, "the file is missing beside \(LogFormat.controlName): restore it from a copy", at: "\(path):0")
    }

    var path: String { page.path }

    /// The position up to which followers may read: the lesser of the two words, which rot or a half-done update makes differ.
    var position: Position { min(page.load(word: DurablePage.positionWord), ~page.load(word: DurablePage.complementWord)) }

    /// The position that recovery must find: the greater of the two words, since both were durable when they were stored.
    var greatestPosition: Position {
        max(page.load(word: DurablePage.positionWord), ~page.load(word: DurablePage.complementWord))
    }

    /// How often the log was opened for writing. Load it after `position`.
    var writerEpoch: UInt64 { page.load(word: DurablePage.epochWord) }

    /// Publishes a position that is durable.
    func publish(_ position: Position) {
        page.store(position, word: DurablePage.positionWord)
        page.store(~position, word: DurablePage.complementWord)
    }

    /// Announces a new writer; followers then find their place anew. Comes before its first `publish`.
    func announce(writerEpoch: UInt64) { page.store(writerEpoch, word: DurablePage.epochWord) }

    func sync() throws(HeadwaterError) { try page.sync() }
}
