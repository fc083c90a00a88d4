import FeatureModel
import StorageIO
import TestDisks

/// Fails every I/O call of a scripted life in every way, restarts on
/// a healthy disk, and looks for anything lost, doubled or untrue.
public struct FaultSweep: Sweep {
    public static let name = "faults"
    public static let outcomes = ["survived", "not reached"] + Violation.Kind.allCases.map(\.rawValue)

    private struct Case {
        var points: [FaultPoint] = []
        var full: FullDisk?
        let stage: Stage

        var id: String { full?.text ?? points.map(\.text).joined(separator: ", ") }
        var faultName: String { full?.name ?? (points.count == 1 ? points[0].fault.name : "two faults") }
    }

    private let cases: [Case]

    public init() throws {
        let healthy = LifeRun()
        if let violation = healthy.violations.first {
            throw HeadwaterError(.internal, "the life without faults: \(violation.kind.rawValue), \(violation.text)")
        }
        cases = Self.singles(healthy) + Self.fullDisks() + Self.pairs(healthy)
    }

    private static func singles(_ healthy: LifeRun) -> [Case] {
        var cases: [Case] = []
        for (process, calls) in healthy.calls.enumerated() {
            for (call, stage) in calls {
                for fault in SweptFault.all(call.kind) {
                    cases.append(Case(points: [FaultPoint(process: process, call: call.number, fault: fault)], stage: stage))
                }
            }
        }
        return cases
    }

    /// A disk that fills up at each step, to the last byte, or but for less or a little more than a segment.
    private static func fullDisks() -> [Case] {
        var cases: [Case] = []
        for (process, script) in Life.processes.enumerated() {
            for (step, work) in script.allSteps.enumerated() {
                for slackBytes in [0, 700, 5_000, 9_000] {
                    for restarts in [false, true] {
                        let full = FullDisk(process: process, step: step, slackBytes: slackBytes, restarts: restarts)
                        cases.append(Case(full: full, stage: work.stage))
                    }
                }
            }
        }
        return cases
    }

    /// A crash, and then a fault while the next process recovers from it.
    private static func pairs(_ healthy: LifeRun) -> [Case] {
        var cases: [Case] = []
        let second: [SweptFault] = [.kill, .powerCut(.random(5)), .error, .powerCut(.nothing), .killAfterwards, .diskFull]
        let first: [SweptFault] = [.powerCut(.random(4)), .kill, .powerCut(.nothing), .powerCutAfterwards(.random(6))]
        for (process, calls) in healthy.calls.enumerated().dropLast() {
            let changing = calls.filter(\.call.kind.changesDisk)
            for (index, (call, stage)) in changing.enumerated() where index % 6 == process % 6 {
                for number in 1...recoveryCallsMax where (number + index) % 2 == 0 {
                    cases.append(
                        Case(
                            points: [
                                FaultPoint(process: process, call: call.number, fault: first[(index / 6 + number) % first.count]),
                                FaultPoint(
                                    process: process + 1, call: number, fault: second[(index + number / 2) % second.count]),
                            ], stage: stage))
                }
            }
        }
        return cases
    }

    /// Calls of a process that recovers, from its first on, of which each second one is swept.
    private static let recoveryCallsMax = 90

    public var count: Int { cases.count }
    public func id(_ index: Int) -> String { cases[index].id }
    public func groups(_ index: Int) -> [String] { [cases[index].stage.rawValue, cases[index].faultName] }
    public static let groupings = ["stage", "fault"]

    public func run(_ index: Int) -> Verdict {
        let run = LifeRun(faults: cases[index].points, full: cases[index].full)
        if let worst = run.violations.first {
            return Verdict(
                worst.kind.rawValue, run.violations.map { "\($0.kind.rawValue): \($0.text)" }.joined(separator: "; "),
                isViolation: true)
        }
        return Verdict(run.struck == max(cases[index].points.count, 1) ? "survived" : "not reached")
    }
}
