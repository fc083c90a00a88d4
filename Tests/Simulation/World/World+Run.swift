import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import StorageIO
import TestDisks
import TestSupport

extension World {
    /// Virtual time after which the chaos ends, and within which all must then get through.
    private static let chaosMax: Microseconds = 60_000_000
    private static let quietMax: Microseconds = 120_000_000

    /// Lives through the seed: chaos, then quiet, then the last look.
    func live() -> SeedResult {
        startAll()
        for client in clients { client.live() }
        scheduleTrouble()
        _ = run(until: Self.chaosMax) { journal.writes.count >= scenario.writesMax || isRefused }
        if violations.isEmpty { quiet() }
        figures.virtualMicroseconds = now
        for (kind, count) in slots.compactMap(\.process).flatMap({ $0.injector.takeCounts().enumerated() }) {
            figures.faults[kind] += count
        }
        count()
        return SeedResult(
            seed: seed, mode: scenario.mode.rawValue, figures: figures, violations: violations, traceHash: traceHash)
    }

    /// Heals everything, waits until all is through, and checks; then again after a power cut, and after a clean stop.
    private func quiet() {
        advance(to: min(now, Self.chaosMax))
        heal()
        settle("after the faults ended") { isQuiet }
        proveAll("after the faults ended")
        checkAll()
        guard violations.isEmpty, !isRefused, isQuiet else { return }
        for machine in machines { powerCut(machine) }
        settle("after a power cut") { isQuiet }
        proveAll("after a power cut")
        guard violations.isEmpty, !isRefused else { return }
        checkAll()
        stopAtOnce()
        startAll()
        settle("after a clean stop") { isQuiet }
        proveAll("after a clean stop")
        checkAll()
    }

    /// Ends cleanly as soon as clients have their answers, synced or not, and cuts the power: nothing may be lost by that.
    private func stopAtOnce() {
        guard violations.isEmpty else { return }
        if !hasDamage {
            for client in clients { client.write(stamp: client.nextStamp()) }
            settle("before a clean stop") { clients.allSatisfy { $0.open == 0 } }
        }
        if let state = online.engine?.state.current, state.durablePosition < state.lastPosition { figures.unsyncedStops += 1 }
        stopAll()
        for machine in machines { powerCut(machine) }
    }

    /// Every client does a bit of everything, and all of it must be answered.
    private func proveAll(_ when: String) {
        guard violations.isEmpty, !hasDamage else { return }
        for client in clients { client.prove() }
        settle(when) { isQuiet }
    }

    /// Damage may keep a service from ever coming back, but never makes it answer wrongly.
    private func settle(_ when: String, _ isDone: () -> Bool) {
        if !run(until: now + (hasDamage ? 5_000_000 : Self.quietMax), { isDone() || isRefused }), !hasDamage {
            violate("liveness", "\(when): \(standing)")
        }
    }

    private func checkAll() {
        guard violations.isEmpty else { return }
        checker.checkStores()
        checker.checkJournal()
    }

    /// Whether clients have their answers and the offline service has followed to the end.
    private var isQuiet: Bool {
        guard let engine = online.engine, let follower = offline.engine, clients.allSatisfy({ $0.open == 0 }) else {
            return false
        }
        let state = engine.state.current
        return state.durablePosition == state.lastPosition && engine.store.appliedPosition == state.lastPosition
            && follower.store.appliedPosition == state.lastPosition
    }

    private var standing: String {
        let state = online.engine?.state.current
        return
            "online \(online.isUp ? "up" : "down") at \(online.engine?.store.appliedPosition ?? 0) of \(state?.lastPosition ?? 0), offline "
            + "\(offline.isUp ? "up" : "down") at \(offline.engine?.store.appliedPosition ?? 0), open requests "
            + "\(clients.map { "\($0.open)" }.joined(separator: " "))"
    }

    // MARK: Trouble

    private func scheduleTrouble() {
        every(scenario.killEvery) { $0.kill($0.random.pick($0.slots)) }
        every(scenario.powerCutEvery) { $0.powerCut($0.random.pick($0.machines)) }
        every(scenario.disconnectEvery) { world in
            if !world.network.links.isEmpty { world.network.cut(world.random.pick(world.network.links)) }
        }
        every(scenario.clockJumpEvery) { world in
            let by = world.random.pick([-7_200, -60, -1, 1, 60, 900, 7_200])
            world.note("clock jumps", [], "\(by) s")
            world.figures.faults[FaultKind.clockJump.rawValue] += 1
            world.random.pick(world.machines).jump(Microseconds(by) * 1_000_000)
        }
        every(scenario.diskFullEvery) { world in
            let machine = world.random.pick(world.machines)
            world.note("disk full", [], machine.name)
            world.figures.faults[FaultKind.fullDisk.rawValue] += 1
            machine.setFree(bytes: world.random.pick([0, 300, 5_000]))
            world.schedule("disk freed", at: world.now + Microseconds(world.random.int(50_000...1_500_000))) {
                machine.setFree(bytes: nil)
            }
        }
    }

    private func every(_ mean: Microseconds?, _ trouble: @escaping (World) -> Void) {
        guard let mean else { return }
        schedule("trouble", at: now + Microseconds(random.int(Int(mean) / 4...Int(mean) * 7 / 4))) { [weak self] in
            guard let self, !isHealed else { return }
            trouble(self)
            every(mean, trouble)
        }
    }

    private func count() {
        for (kind, count) in broker?.counts ?? [:] { figures.faults[kind.rawValue] += count }
        for write in journal.writes {
            switch write.outcome {
            case .acknowledged: figures.acknowledged += 1
            case .unknown: figures.unknown += 1
            case .refused: figures.refused += 1
            }
        }
    }
}
