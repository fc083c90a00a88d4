internal import Foundation

/// What the whole machine has done since it started: what a measured stretch leaves free is its difference.
public struct MachineUsage: Sendable {
    public var busySeconds = 0.0
    public var idleSeconds = 0.0
    /// How long the busiest disk had something to do, and the bytes that it wrote.
    public var diskSeconds = 0.0
    public var diskWrittenBytes = 0.0

    public static func now() -> MachineUsage {
        var usage = MachineUsage()
        let stat = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let ticks = stat.split(separator: "\n").first?.split(separator: " ").dropFirst().compactMap { Double($0) } ?? []
        if ticks.count >= 8 {
            // user, nice, system, idle, iowait, irq, softirq, steal
            usage.idleSeconds = (ticks[3] + ticks[4]) / 100
            usage.busySeconds = (ticks.prefix(8).reduce(0, +) - ticks[3] - ticks[4]) / 100
        }
        let disks = (try? String(contentsOfFile: "/proc/diskstats", encoding: .utf8)) ?? ""
        for line in disks.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count > 12, let milliseconds = Double(fields[12]), milliseconds / 1_000 > usage.diskSeconds {
                usage.diskSeconds = milliseconds / 1_000
                usage.diskWrittenBytes = (Double(fields[9]) ?? 0) * 512
            }
        }
        return usage
    }

    public static func - (later: MachineUsage, earlier: MachineUsage) -> MachineUsage {
        MachineUsage(
            busySeconds: later.busySeconds - earlier.busySeconds, idleSeconds: later.idleSeconds - earlier.idleSeconds,
            diskSeconds: later.diskSeconds - earlier.diskSeconds,
            diskWrittenBytes: later.diskWrittenBytes - earlier.diskWrittenBytes)
    }

    /// The share of all cores' time that was used.
    public var busyShare: Double { busySeconds / max(busySeconds + idleSeconds, 1e-9) }
}

/// Uses so much memory once and gives it back.
///
/// Memory that a virtual machine has never touched costs ten times as much at its first use, in the page cache too; without this
/// the system that is measured first pays for it.
public func touchMemory(bytes: Int) {
    let chunk = 64 << 20
    var held: [[UInt8]] = []
    for _ in 0..<bytes / chunk { held.append([UInt8](repeating: UInt8.random(in: 1...255), count: chunk)) }
    precondition(held.allSatisfy { $0[chunk / 2] > 0 }, "the memory was written")
}
