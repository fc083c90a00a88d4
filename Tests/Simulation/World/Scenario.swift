import Engine
import FeatureModel
import Log
import OfflineStore
import TestSupport

/// What one seed is about: how the store is set up, and what may go wrong. All of it is drawn from the seed.
struct Scenario {
    enum Mode: String, CaseIterable {
        /// Both services in one process.
        case serve
        /// Two processes over one directory.
        case apart
        /// The offline service on another machine, following over the network.
        case follow
    }

    let mode: Mode
    /// Whether the log is a broker's, and not files of the machine.
    let usesBroker: Bool
    let durability: Durability
    let clientCount: Int
    /// Writes after which the chaos ends.
    let writesMax: Int
    let pipelineMax: Int
    let keyCount: Int
    let online: OnlineOptions
    let offline: OfflineEngineOptions
    /// Mean time between events of a kind; `nil` where the seed has none of them.
    let killEvery: Microseconds?
    let powerCutEvery: Microseconds?
    let disconnectEvery: Microseconds?
    let clockJumpEvery: Microseconds?
    let diskFullEvery: Microseconds?
    /// Chance that one I/O call fails, and that it kills its process.
    let callFails: Double
    let callKills: Double
    /// Whether files are damaged while their owner is down.
    let corrupts: Bool
    /// Latency of one message.
    let latency: ClosedRange<Int>

    init(_ random: inout SplitMix64) {
        mode = random.pick(Mode.allCases)
        durability = random.chance(0.75) ? .sync : .interval(Microseconds(random.pick([5_000, 50_000, 500_000])))
        clientCount = random.int(2...5)
        writesMax = random.pick([40, 80, 160, 240])
        pipelineMax = random.int(1...6)
        keyCount = random.pick([2, 5, 12])
        let isCalm = random.chance(0.08)
        let isCorrupt = !isCalm && random.chance(0.1)
        func every(_ chance: Double, _ means: [Int]) -> Microseconds? {
            !isCalm && random.chance(chance) ? Microseconds(random.pick(means)) : nil
        }
        killEvery = every(0.6, [400_000, 1_500_000, 5_000_000])
        powerCutEvery = every(0.6, [600_000, 2_000_000, 6_000_000])
        disconnectEvery = every(0.6, [100_000, 1_000_000])
        clockJumpEvery = every(0.5, [500_000, 3_000_000])
        diskFullEvery = every(0.25, [800_000, 3_000_000])
        callFails = !isCalm && random.chance(0.45) ? random.pick([0.0003, 0.001, 0.004]) : 0
        callKills = !isCalm && random.chance(0.6) ? random.pick([0.0005, 0.002, 0.006]) : 0
        corrupts = isCorrupt
        latency = random.pick([50...200, 50...3_000, 100...30_000])
        online = Self.onlineOptions(&random, durability)
        offline = Self.offlineOptions(&random)
        usesBroker = random.chance(0.25)
    }

    private static func onlineOptions(_ random: inout SplitMix64, _ durability: Durability) -> OnlineOptions {
        var options = OnlineOptions()
        options.durability = durability
        options.log = LogOptions(
            segmentBytes: random.pick([4 << 10, 16 << 10, 64 << 10]), reserveAhead: UInt64(random.pick([2, 8, 64, 1_024])))
        options.snapshotMemoryBytes = random.pick([2 << 10, 12 << 10, 1 << 20])
        options.snapshotLogBytes = random.pick([8 << 10, 64 << 10, 1 << 20])
        options.groupBytesMax = random.pick([1 << 10, 8 << 10, 64 << 20])
        // Room for what is current, prepared and waiting for the follower, and little more.
        if random.chance(0.15) { options.logBytesMax = 5 * options.log.segmentBytes }
        return options
    }

    private static func offlineOptions(_ random: inout SplitMix64) -> OfflineEngineOptions {
        var options = OfflineEngineOptions()
        options.flushMemoryBytes = random.pick([1 << 10, 8 << 10, 64 << 10])
        options.store.blockRowsMax = random.pick([1, 4, 32, 8_192])
        options.store.chunkBytesTarget = random.pick([1 << 10, 64 << 20])
        options.store.runsPerLevelMax = random.int(2...4)
        return options
    }

    var isInterval: Bool { if case .interval = durability { true } else { false } }
    var interval: Microseconds { if case .interval(let interval) = durability { interval } else { 0 } }
}
