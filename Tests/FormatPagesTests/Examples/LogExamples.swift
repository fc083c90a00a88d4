import FeatureModel
import Log
import StorageIO
import TestDisks

/// The files of a log that holds one record of three bytes, and was closed.
enum LogExamples {
    static let makers: [String: @Sendable () throws -> [UInt8]] = [
        "log-segment": { try file("segment-0000000000000001.log", 256) },
        "log-control": { try file("control", 128) },
        "log-durable": { try file("durable", 88) },
        "log-follower": { try file("followers/follower-0000000000000042", 256) },
        "log-clock": { try file("clock", 128) },
    ]

    private static func file(_ name: String, _ byteCount: Int) throws -> [UInt8] {
        let storage = MemoryStorage()
        let log = FileLog(in: "data", storage)
        let writer = try log.openWriter(LogOptions(), newLogID: ExampleStore.logID, now: ExampleStore.now)
        let stamp = ProducerStamp(producer: 7, epoch: 8, sequence: 9)
        _ = try writer.stage(kind: .data, stamp: stamp, body: [0xC0, 0xFF, 0xEE], now: ExampleStore.now)
        _ = try writer.write()
        _ = try writer.sync()
        try log.register(FollowerCheckpoint(logID: writer.logID, id: 42, name: "far", position: 1, writerEpoch: 1))
        let boot = BootTime(boot: BootTime.BootID(high: 0x1122_3344_5566_4778, low: 0x8899_AABB_CCDD_EEFF), elapsed: 60_000_000)
        try log.keep(ClockMark(wall: ExampleStore.now, boot: boot), of: writer.logID)
        try writer.close(clean: true)
        return Array(try storage.readAll(StoragePath.join("data/log", name)).prefix(byteCount))
    }
}
