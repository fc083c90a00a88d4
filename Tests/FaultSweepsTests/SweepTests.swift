import FaultSweeps
import Testing

/// A thin, evenly spread sample of each sweep; `make sweep` runs them whole.
@Suite struct SweepTests {
    @Test func aSampleOfDamageIsReportedOrHarmless() throws { try check(DamageSweep(), sample: 250) }

    @Test func aSampleOfFaultsLosesNothing() throws { try check(FaultSweep(), sample: 150) }

    private func check<S: Sweep>(_ sweep: S, sample: Int) {
        for index in sweep.indices(sample: sample) {
            let verdict = sweep.run(index)
            #expect(!verdict.isViolation, "sweep \(S.name) --case '\(sweep.id(index))': \(verdict.outcome): \(verdict.detail)")
        }
    }
}
