import Simulation
import Testing

/// The same simulation that `make simulate` runs over thousands of seeds.
@Suite struct SmokeTests {
    @Test(arguments: [UInt64(1), 6, 10])
    func theSameSeedGivesTheSameRun(seed: UInt64) {
        #expect(Simulation.run(seed: seed).traceHash == Simulation.run(seed: seed).traceHash, "seed \(seed)")
    }

    @Test(arguments: stride(from: UInt64(1), through: 21, by: 10).map { $0...$0 + 9 })
    func noSeedBreaksAPromise(seeds: ClosedRange<UInt64>) {
        for seed in seeds {
            for violation in Simulation.run(seed: seed).violations {
                Issue.record("\(violation.property): \(violation.message)\n\(violation.replay)")
            }
        }
    }
}
