import Engine
import FeatureModel
import StorageIO
import TestDisks
import TestSupport

/// A computer: a disk, and a wall clock that people and NTP set.
final class Machine {
    let name: String
    var disk = MemoryStorage()
    private var wallOffset: Microseconds
    /// Parts in a million that the clock runs too fast.
    private let drift: Microseconds
    private var boots: UInt64 = 1
    private var bootedAt: Microseconds = 0
    /// How far ahead of the truth what is taken here may be stamped.
    private(set) var trustedAheadMax: Microseconds = 3_000_000
    /// How far behind it: where the wall clock stands in the past after the machine was off, nothing tells how long it was off.
    private(set) var trustedBehindMax: Microseconds = 0
    private static let unlimited = 1 << 40
    private var capacity = Machine.unlimited
    /// How often the disk became full or got room again.
    private(set) var limitChanges = 0

    init(name: String, _ random: inout SplitMix64) {
        self.name = name
        wallOffset = Workload.epoch + Microseconds(random.int(-2_000_000...2_000_000))
        drift = Microseconds(random.int(-500...500))
    }

    func wall(_ now: Microseconds) -> Microseconds { wallOffset + now + now * drift / 1_000_000 }

    /// The clock that nobody sets: it drifts as the wall clock does.
    func bootTime(_ now: Microseconds) -> BootTime {
        BootTime(boot: BootTime.BootID(high: 7, low: boots), elapsed: now - bootedAt + (now - bootedAt) * drift / 1_000_000)
    }

    func jump(_ by: Microseconds) {
        wallOffset += by
        // However many jumps there are, of each no more than this is followed.
        trustedAheadMax += TrustedClock.gainMax
    }

    /// The machine is off, and on again.
    func boot(_ now: Microseconds) {
        boots += 1
        bootedAt = now
    }

    /// A service starts that has no mark of this boot: it believes the wall clock.
    func believesWall(_ now: Microseconds) {
        let ahead = wall(now) - Workload.epoch - now
        trustedAheadMax = max(trustedAheadMax, ahead)
        trustedBehindMax = max(trustedBehindMax, -ahead)
    }

    /// Leaves so many bytes free, or takes the limit away.
    func setFree(bytes: Int?) {
        limitChanges += 1
        guard let bytes, let free = try? disk.freeBytes(".") else {
            capacity = Self.unlimited
            return disk.setCapacity(bytes: capacity)
        }
        capacity += bytes - free
        disk.setCapacity(bytes: capacity)
    }

    var isFull: Bool { capacity < Machine.unlimited }

    /// Every file below `directory`, in order.
    func files(below directory: String) -> [String] {
        guard let names = try? disk.list(directory) else { return [] }
        return names.flatMap { name -> [String] in
            let path = StoragePath.join(directory, name)
            return (try? disk.open(path, .read)) == nil ? files(below: path) : [path]
        }
    }

    /// Damages one file at rest: flips a bit, or zeroes a sector.
    ///
    /// - Returns: where; `nil` where there is nothing to damage.
    func corrupt(_ random: inout SplitMix64) -> String? {
        let all = files(below: Workload.directory).filter { !$0.hasSuffix("/lock") }
        guard !all.isEmpty else { return nil }
        let path = random.pick(all)
        guard let file = try? disk.open(path, .readWrite), let size = try? file.size(), size > 0,
            let bytes = try? file.read(at: 0, count: size)
        else { return nil }
        defer { file.close() }
        let offset = random.int(0...size - 1)
        if random.chance(0.7) {
            try? file.write([bytes[offset] ^ UInt8(1 << random.int(0...7))], at: offset)
        } else {
            let start = offset / 512 * 512
            try? file.write(ArraySlice(repeatElement(0, count: min(512, size - start))), at: start)
        }
        try? file.sync()
        return "\(path):\(offset)"
    }
}

/// A running program: the services in it share its fate.
final class Process {
    let number: Int
    let machine: Machine
    let injector: FaultInjector
    let storage: FaultyStorage
    var isAlive = true
    private let limitChanges: Int
    private let startedFull: Bool

    init(number: Int, on machine: Machine, _ injector: FaultInjector) {
        self.number = number
        self.machine = machine
        self.injector = injector
        storage = FaultyStorage(machine.disk, plan: injector.plan)
        limitChanges = machine.limitChanges
        startedFull = machine.isFull
    }

    /// Whether any call of its life may have failed.
    var hasMetTrouble: Bool { injector.hasStruck || startedFull || machine.limitChanges != limitChanges }

    /// Whether an I/O call has killed it.
    var hasCrashed: Bool { storage.isCrashed }
}
