public import FeatureModel
internal import StorageIO

/// An instant that was trusted, with the boot clock's reading then. While the machine
/// stays on, the two tell how much time has passed, with or without a server.
public struct ClockMark: Hashable, Sendable {
    static let byteCount = 128

    /// Microseconds since 1970 UTC.
    public let wall: Microseconds
    public let boot: BootTime

    public init(wall: Microseconds, boot: BootTime) {
        self.wall = wall
        self.boot = boot
    }

    /// The trusted time at `boot`; `nil` where the machine was restarted
    /// since, or where the boot clock fell, which it never does.
    public func wall(at boot: BootTime) -> Microseconds? {
        guard boot.boot == self.boot.boot, boot.elapsed >= self.boot.elapsed else { return nil }
        return wall + (boot.elapsed - self.boot.elapsed)
    }

    /// Puts it in place of the one before, in one durable step. `directory` is the log's.
    func save(_ storage: any Storage, _ directory: String, logID: LogID) throws(HeadwaterError) {
        var bytes = LogFormat.block(magic: "HWLOGCLK")
        bytes.append(contentsOf: logID.bytes)
        bytes.append(littleEndian: boot.boot.high)
        bytes.append(littleEndian: boot.boot.low)
        bytes.append(littleEndian: boot.elapsed)
        bytes.append(littleEndian: wall)
        LogFormat.seal(&bytes, count: Self.byteCount)
        try storage.replaceAtomically(StoragePath.join(directory, LogFormat.clockName), bytes)
    }

    /// - Returns: `nil` where there is none, or it is of another log.
    /// - Throws: `.dataLoss` for a damaged file, which may be taken as none; `.failedPrecondition` for a newer format.
    static func load(_ storage: any Storage, _ directory: String, logID: LogID) throws(HeadwaterError) -> ClockMark? {
        let path = StoragePath.join(directory, LogFormat.clockName)
        guard storage.exists(path) else { return nil }
        let bytes = try storage.readAll(path)[...]
        try LogFormat.check(bytes, magic: "HWLOGCLK", count: byteCount, at: "\(path):0")
        guard LogID(bytes.part(at: 16, count: LogID.byteCount)) == logID else { return nil }
        let boot = BootTime.BootID(high: bytes.littleEndian(at: 32), low: bytes.littleEndian(at: 40))
        return ClockMark(
            wall: bytes.littleEndian(at: 56), boot: BootTime(boot: boot, elapsed: bytes.littleEndian(at: 48)))
    }
}
