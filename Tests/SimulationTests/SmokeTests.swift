import Simulation
import Testing

/// The same simulation that `make simulate` runs over thousands of seeds, and `make test` over 200; here a few, in a debug build.
@Suite struct SmokeTests {
    @Test(arguments: [UInt64(1), 6])
    func theSameSeedGivesTheSameRun(seed: UInt64) {
        #expect(Simulation.run(seed: seed).traceHash == Simulation.run(seed: seed).traceHash, "seed \(seed)")
    }

    @Test(arguments: stride(from: UInt64(1), through: 5, by: 2).map { $0...$0 + 1 })
    func noSeedBreaksAPromise(seeds: ClosedRange<UInt64>) {
        for seed in seeds {
            for violation in Simulation.run(seed: seed).violations {
                Issue.record("\(violation.property): \(violation.message)\n\(violation.replay)")
            }
        }
    }
}
