import Synchronization
import TestSupport

/// The points that lives are to meet, and those that they met; shared by lives that run side by side.
final class PointQueue: Sendable {
    /// Numbers of a call that are all points; beyond, each is an eighth greater than the one before.
    private static let denseMax = 32

    private struct State {
        /// What is left, of first starts and of later ones.
        var first: [Injection] = []
        var later: [Injection] = []
        var all: Set<Injection> = []
        var hit: Set<Injection> = []
        var tried = 0
        var lives = 0
        /// How many calls of a kind a process makes before it comes to the store.
        var before: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// Adds a point for each fault at each number that a call on the store had in one of the threads.
    func survey(_ calls: [Strace.Call], of data: String, isFirstStart: Bool) {
        var numbers: [String: Set<Int>] = [:]
        var before: [String: Int] = [:]
        for call in calls {
            if call.text.contains(data) {
                numbers[call.name, default: []].insert(call.number)
            } else if call.thread == calls[0].thread, numbers[call.name] == nil {
                // Of the loader: interrupted, it gives up.
                before[call.name] = call.number
            }
        }
        state.withLock { state in
            state.before.merge(before) { max($0, $1) }
            for (call, faults) in Strace.faults {
                var number = 1
                while number <= numbers[call]?.max() ?? 0 {
                    if numbers[call]!.contains(number) {
                        let points = faults.map {
                            Injection(call: call, fault: $0, number: number, isFirstStart: isFirstStart)
                        }
                        state.all.formUnion(points.filter { !$0.isHarmless || number > state.before[call] ?? 0 })
                    }
                    number += number < Self.denseMax ? 1 : number / 8
                }
            }
        }
    }

    func shuffle(_ random: inout SplitMix64) {
        state.withLock { state in
            var points = state.all.filter { !$0.isHarmless }.sorted { "\($0)" < "\($1)" }
            points.shuffle(using: &random)
            state.first = points.filter(\.isFirstStart)
            state.later = points.filter { !$0.isFirstStart }
        }
    }

    /// What the next life is to meet: one fault that may be its end,
    /// and interruptions of all other calls; `nil` where none is left.
    func next(isFirstStart: Bool, _ random: inout SplitMix64) -> InjectionPlan? {
        var plan = InjectionPlan()
        let before = state.withLock { state -> [String: Int]? in
            if state.first.isEmpty && state.later.isEmpty { return nil }
            plan.point = isFirstStart ? state.first.popLast() : state.later.popLast()
            state.tried += plan.point == nil ? 0 : 1
            state.lives += 1
            return state.before
        }
        guard let before else { return nil }
        for (call, faults) in Strace.faults where call != plan.point?.call && call != "fdatasync" && faults.contains(.interrupted)
        {
            let step = random.int(2...5)
            plan.interruptions.append(
                InjectionPlan.Interruptions(call: call, first: (before[call] ?? 0) + random.int(1...step), step: step))
        }
        return plan
    }

    /// Notes what a life met.
    func met(_ plan: InjectionPlan, wasHit: Bool, _ calls: [Strace.Call], isFirstStart: Bool) {
        var met = calls.filter { $0.wasInjected && $0.name != plan.point?.call }.map {
            Injection(call: $0.name, fault: .interrupted, number: $0.number, isFirstStart: isFirstStart)
        }
        if wasHit, let point = plan.point { met.append(point) }
        // What no survey had is no point.
        state.withLock { $0.hit.formUnion($0.all.intersection(met)) }
    }

    var lives: Int { state.withLock(\.lives) }
    var hitCount: Int { state.withLock(\.hit.count) }
    var count: Int { state.withLock(\.all.count) }

    /// Hit and in all, whole and by fault.
    var facts: [String: Int] {
        state.withLock { state in
            var facts = ["points in all": state.all.count, "points hit": state.hit.count]
            facts["lives with a fault that may end them"] = state.tried
            for fault in Injection.Fault.allCases {
                let name = fault.rawValue.split(separator: "=")[1]
                facts["points of \(name), in all"] = state.all.count { $0.fault == fault }
                facts["points of \(name), hit"] = state.hit.count { $0.fault == fault }
            }
            return facts
        }
    }
}
