import FeatureModel
import StorageIO
import TestDisks
import TestSupport

/// A program that is started again whenever it ends.
final class Slot {
    let machine: Machine
    let roles: [Role]
    fileprivate(set) var process: Process?
    fileprivate(set) var frontend: Frontend?
    fileprivate var isRestarting = false

    init(on machine: Machine, roles: [Role]) {
        self.machine = machine
        self.roles = roles
    }
}

extension World {
    private func slot(of process: Process) -> Slot? { slots.first { $0.process === process } }

    // MARK: Starting

    func startAll() { for slot in slots where slot.process == nil { start(slot) } }

    private func restart(_ slot: Slot, after delay: ClosedRange<Int>) {
        guard !slot.isRestarting else { return }
        slot.isRestarting = true
        schedule("restart", at: now + Microseconds(random.int(delay))) { [unowned self] in
            slot.isRestarting = false
            if slot.process == nil { start(slot) }
        }
    }

    private func start(_ slot: Slot) {
        figures.starts += 1
        let injector = FaultInjector(
            seed: random.next(), fails: scenario.callFails, kills: scenario.callKills, isHealed: isHealed)
        let process = Process(number: figures.starts, on: slot.machine, injector)
        slot.process = process
        do throws(HeadwaterError) {
            if slot.roles.contains(.online) {
                try online.start(in: process)
                checker.recovered(online.engine!, on: slot.machine)
                onlineEnd = nil
            }
            if slot.roles.contains(.offline) { try offline.start(in: process) }
        } catch {
            note("start failed", [UInt64(error.code.rawValue)], error.description)
            figures.startsFailed += 1
            judge(error, process)
            if process.hasCrashed, random.chance(0.5) { return powerCut(slot.machine) }
            end(slot, .restart)
            return restart(slot, after: 5_000...200_000)
        }
        slot.frontend = Frontend(self, process, roles: slot.roles)
        // After every start: what is there equals the fold.
        checker.checkStores()
        checker.checkJournal()
    }

    /// A start may fail for what the disk does, and for damage that it names; for nothing else.
    private func judge(_ error: HeadwaterError, _ process: Process) {
        switch error.code {
        case .unavailable, .resourceExhausted: return
        case .dataLoss where hasDamage && error.location != nil, .unimplemented where hasDamage && error.location != nil:
            isRefused = true
            figures.damageReported += 1
        default: violate("P7", "a service does not start: \(error)")
        }
    }

    // MARK: Ending

    /// How a process ends. A restart is also what becomes of one that could not start.
    private enum Ending { case restart, kill, powerCut }

    private func end(_ slot: Slot, _ ending: Ending) {
        guard let process = slot.process else { return }
        if ending != .restart || process.hasCrashed { figures.crashes += 1 }
        process.isAlive = false
        process.injector.kill()
        for (kind, count) in process.injector.takeCounts().enumerated() { figures.faults[kind] += count }
        slot.process = nil
        slot.frontend?.close()
        slot.frontend = nil
        if slot.roles.contains(.online) {
            if online.isUp {
                onlineEnd = LifeEnd(wasPowerCut: ending == .powerCut, lastWritten: online.failedAt ?? now)
            }
            online.die()
        }
        if slot.roles.contains(.offline) { offline.die() }
    }

    /// An I/O call has killed a process.
    func crashed(_ process: Process) {
        guard let slot = slot(of: process) else { return }
        note("crashed at a call", [UInt64(process.storage.callCount)])
        // Half of them are the machine's end.
        if random.chance(0.5) { return powerCut(slot.machine) }
        end(slot, .restart)
        restart(slot, after: 1_000...300_000)
    }

    func kill(_ slot: Slot) {
        guard slot.process != nil else { return }
        note("kill")
        figures.faults[FaultKind.kill.rawValue] += 1
        end(slot, .kill)
        if scenario.corrupts, scenario.mode != .apart, random.chance(0.3) { damage(slot.machine) }
        restart(slot, after: 1_000...300_000)
    }

    func powerCut(_ machine: Machine) {
        note("power cut", [], machine.name)
        figures.faults[FaultKind.powerCut.rawValue] += 1
        let all = slots.filter { $0.machine === machine }
        for slot in all { end(slot, .powerCut) }
        // Also one that comes while the service is down takes what it had not synced.
        if machine === onlineMachine { onlineEnd?.wasPowerCut = true }
        machine.disk = machine.disk.crash(
            seed: random.next(), sectors: random.pick([.random, .random, .lost, .kept]),
            directoryChanges: random.pick([.random, .random, .lost, .kept]))
        machine.boot(now)
        if scenario.corrupts, random.chance(0.5) { damage(machine) }
        for slot in all { restart(slot, after: 1_000...500_000) }
    }

    /// Somebody sees that a service has failed, and starts it again.
    func operatorRestarts(_ process: Process) {
        schedule("operator", at: now + Microseconds(random.int(1_000...400_000))) { [weak self] in
            guard let self, let slot = slot(of: process) else { return }
            note("operator restarts")
            figures.restarts += 1
            end(slot, .restart)
            restart(slot, after: 1_000...50_000)
        }
    }

    /// Somebody reads that the log is over its limit, and does what the message says.
    func operatorSnapshots() {
        guard !isSnapshotAsked else { return }
        isSnapshotAsked = true
        schedule("operator snapshots", at: now + Microseconds(random.int(10_000...300_000))) { [weak self] in
            guard let self else { return }
            isSnapshotAsked = false
            if online.isUp { online.takeSnapshot() }
        }
    }

    /// Ends everything as a clean stop does.
    func stopAll() {
        do throws(HeadwaterError) {
            try offline.close()
            try online.close()
        } catch {
            if !hasDamage { violate("P7", "a service does not stop: \(error)") }
        }
        for slot in slots { end(slot, .restart) }
    }
}
