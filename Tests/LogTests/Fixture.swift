import FeatureModel
@testable import Log
import StorageIO
import TestDisks
import TestSupport
import Testing

let logDirectory = "data/log"
let testLogID = LogID((0..<16).map { UInt8($0) })
let otherLogID = LogID((0..<16).map { UInt8(0xF0 + $0) })
/// Small, so that a few records make several segments.
let smallOptions = LogOptions(segmentBytes: 1_024, reserveAhead: 16)

extension SplitMix64 {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// What a test keeps of a record, to compare it by.
struct Seen: Hashable {
    let position: Position
    let ingestTime: Microseconds
    let stamp: ProducerStamp
    let kind: RecordKind
    let body: [UInt8]

    init(_ record: Record) {
        position = record.position
        ingestTime = record.ingestTime
        stamp = record.stamp
        kind = record.kind
        body = Array(record.body)
    }
}

func openLog(
    _ storage: any Storage, options: LogOptions = smallOptions, id: LogID = testLogID, now: Microseconds = 1_000
) throws(HeadwaterError) -> LogWriter {
    try LogWriter.open(storage: storage, directory: logDirectory, options: options, newLogID: id, now: now)
}

/// Everything that a follower can read, in pieces of `limitBytes`.
func readAll(_ storage: any Storage, limitBytes: Int = 200) throws(HeadwaterError) -> [Seen] {
    let reader = try LogReader(storage: storage, directory: logDirectory)
    var records: [Seen] = []
    while true {
        let more = try reader.read(after: records.last?.position ?? 0, limitBytes: limitBytes)
        if more.isEmpty { return records }
        records += more.map { Seen($0) }
    }
}

extension LogWriter {
    /// Stages a data record of `count` bytes that are all `byte`.
    @discardableResult
    func stage(_ byte: UInt8, count: Int = 40, now: Microseconds = 2_000) throws(HeadwaterError) -> Position {
        try stage(
            kind: .data, stamp: .none, body: [UInt8](repeating: byte, count: count)[...], now: now)
    }
}

/// The files of a log, as a test changes them.
struct LogFiles {
    var files: [String: [UInt8]] = [:]

    init(_ storage: any Storage) throws {
        for name in try storage.list(logDirectory) where name != "followers" && name != "lock" {
            files[name] = try storage.readAll(StoragePath.join(logDirectory, name))
        }
    }

    var segmentNames: [String] { files.keys.filter { $0.hasPrefix("segment-") }.sorted() }

    /// A new disk with these files, all durable.
    func storage() throws -> MemoryStorage {
        let storage = MemoryStorage()
        try storage.createDirectory(StoragePath.join(logDirectory, "followers"))
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            let file = try storage.open(StoragePath.join(logDirectory, name), .create)
            try file.write(bytes[...], at: 0)
            try file.sync()
        }
        try storage.syncDirectory(logDirectory)
        return storage
    }

    /// Another disk, after a change to one file.
    func storage(changing name: String, _ change: (inout [UInt8]) -> Void) throws -> MemoryStorage {
        var copy = self
        change(&copy.files[name]!)
        return try copy.storage()
    }
}

/// The error that `body` throws, or an issue where it throws none.
func failure(_ body: () throws -> Void) -> HeadwaterError? {
    do {
        try body()
        Issue.record("nothing was thrown")
        return nil
    } catch {
        return error as? HeadwaterError
    }
}

func segmentPath(_ number: Int) -> String {
    "\(logDirectory)/segment-\(number.zeroPadded(to: 16)).log"
}
