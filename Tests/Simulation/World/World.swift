import FeatureModel
import Log
import StorageIO
import TestDisks
import TestSupport

/// How the last life of the online service ended.
struct LifeEnd {
    var wasPowerCut: Bool
    /// When it last could have acknowledged a write.
    let lastWritten: Microseconds
}

/// One store, its machines, network and clients, in one thread: everything that happens follows from the seed.
final class World {
    /// What timers may be late by, in `interval` durability.
    static let intervalSlack: Microseconds = 60_000
    static let violationsMax = 5

    let seed: UInt64
    let scenario: Scenario
    var random: SplitMix64
    private(set) var now: Microseconds = 0
    private var queue = EventQueue()
    private var trace: Trace
    var figures = Figures()
    private(set) var violations: [Violation] = []

    let machines: [Machine]
    /// What the log is where it is no files.
    let broker: BrokerLog?
    private(set) var slots: [Slot] = []
    private(set) lazy var network = Network(self)
    private(set) lazy var online = OnlineService(self)
    private(set) lazy var offline = OfflineService(self)
    private(set) lazy var checker = Checker(self)
    private(set) var clients: [Client] = []
    let journal = Journal()

    /// The step of the definitions that some client was told is in force; -1 before the first.
    var definedStep = -1
    /// Turns of the passing group that are done, and whether one is under way.
    var turns = 0
    var isTurning = false
    private(set) var isHealed = false
    private(set) var hasDamage = false
    /// How often a file of the log was damaged.
    private(set) var logDamageCount = 0
    /// A file that was damaged keeps a service from opening, and says so.
    var isRefused = false
    var onlineEnd: LifeEnd?
    var isSnapshotAsked = false

    init(seed: UInt64, print: ((String) -> Void)?) {
        self.seed = seed
        var random = SplitMix64(seed: seed)
        scenario = Scenario(&random)
        machines = (scenario.mode == .follow ? ["one", "two"] : ["one"]).map { Machine(name: $0, &random) }
        broker = scenario.usesBroker ? BrokerLog(seed: random.next()) : nil
        self.random = random
        trace = Trace(print: print)
        let first = machines[0]
        switch scenario.mode {
        case .serve: slots = [Slot(on: first, roles: [.online, .offline])]
        case .apart: slots = [Slot(on: first, roles: [.online]), Slot(on: first, roles: [.offline])]
        case .follow: slots = [Slot(on: first, roles: [.online]), Slot(on: machines[1], roles: [.offline])]
        }
        clients = (0..<scenario.clientCount).map { Client(self, number: $0) }
    }

    var onlineMachine: Machine { machines[0] }
    /// Whether clients begin new things.
    var acceptsWork: Bool { !isHealed && journal.writes.count < scenario.writesMax }
    /// Whether what was acknowledged may be gone: rotten disks, and in `interval` durability power cuts that took something.
    var mayForget: Bool { hasDamage || figures.recordsLost > 0 }

    /// The log, as a process with this disk has it.
    func log(_ storage: any Storage) -> any RecordLog { broker ?? FileLog(in: Workload.directory, storage) }

    func frontend(for role: Role) -> Frontend? { slots.first { $0.roles.contains(role) }?.frontend }

    // MARK: Events

    func schedule(_ name: StaticString, at time: Microseconds, _ action: @escaping () -> Void) {
        queue.schedule(name, at: max(time, now), action)
    }

    func note(_ name: StaticString, _ numbers: [UInt64] = [], _ detail: @autoclosure () -> String = "") {
        trace.note(now, name, numbers, detail)
    }

    func violate(_ property: String, _ message: String) {
        note("VIOLATION", [], "\(property): \(message)")
        if violations.count < Self.violationsMax {
            violations.append(Violation(seed: seed, property: property, message: message))
        }
    }

    /// Something failed for which no client waits: a promise is broken where nothing that happened to the process explains it.
    func failed(_ what: String, _ error: HeadwaterError, in process: Process?) {
        note("failed by itself", [UInt64(error.code.rawValue)], "\(what): \(error)")
        // A broker explains what the log says, and nothing else.
        let isOfBroker = broker.map { $0.hasStruck && error.location == $0.place } ?? false
        guard let process, !process.hasMetTrouble, !hasDamage, !isOfBroker else { return }
        violate("P7", "\(what) failed on a sound disk: \(error)")
    }

    var traceHash: UInt64 { trace.hash }

    /// Runs events until a condition holds.
    ///
    /// - Returns: whether it came to hold before `limit` on the virtual clock.
    func run(until limit: Microseconds, _ isDone: () -> Bool) -> Bool {
        while violations.isEmpty {
            if isDone() { return true }
            guard let event = queue.next(by: limit) else { return false }
            now = event.time
            figures.events += 1
            event.action()
        }
        return true
    }

    // MARK: Faults

    /// Runs something on a sound disk.
    func withoutFaults(_ body: () -> Void) {
        let injectors = slots.compactMap { $0.process?.injector }
        for injector in injectors { injector.pause(true) }
        body()
        for injector in injectors { injector.pause(false) }
    }

    /// Ends all trouble: from here on everything must get through.
    func heal() {
        isHealed = true
        for machine in machines { machine.setFree(bytes: nil) }
        for slot in slots { slot.process?.injector.heal() }
        broker?.heal()
        note("healed")
    }

    func damage(_ machine: Machine) {
        guard let place = machine.corrupt(&random) else { return }
        hasDamage = true
        let isOfLog = place.hasPrefix(Workload.logDirectory + "/") && !place.hasPrefix(Workload.logDirectory + "/followers/")
        if machine === onlineMachine, isOfLog { logDamageCount += 1 }
        figures.faults[FaultKind.damage.rawValue] += 1
        note("damage", [], place)
    }

    func advance(to time: Microseconds) { now = max(now, time) }
}
