import Foundation
import ProcessSupport
import Testing

extension SystemSuite {
    /// A short run of all that `make torture` does: kills, power cuts, a full disk, faults at system calls.
    @Suite(.serialized)
    struct TortureTests {
        /// What a run prints of itself; the rest is for people.
        private struct Figures: Decodable {
            let name: String
            let seed: UInt64
            let cycles: Int
            let acknowledged: Int
            let violations: [String: Int]
            let messages: [String]
            let skipped: String?
        }

        @Test func noPromiseBreaksUnderKillsPowerCutsFullDisksAndFailingCalls() throws {
            let place = try Place()
            let torture = URL(fileURLWithPath: Place.binary).deletingLastPathComponent().appendingPathComponent("torture").path
            let child = try place.spawn(
                ["all", "--json", "--binary", Place.binary, "--minutes", "0.8", "--cycles", "25", "--clients", "2"], of: torture)
            let ending = child.wait(seconds: 400)
            if ending == nil {
                // So that it tidies up: something may be mounted.
                child.send(SIGTERM)
                _ = child.wait(seconds: 60)
            }
            #expect(ending == .exit(0), "\(child.errors)")
            let all = try JSONDecoder().decode([Figures].self, from: Data(child.output.utf8))
            #expect(all.count == 7)
            for figures in all {
                if let reason = figures.skipped {
                    print("\(figures.name): skipped: \(reason)")
                    continue
                }
                #expect(figures.violations.isEmpty, "\(figures.name), seed \(figures.seed): \(figures.messages)")
                #expect(figures.cycles > 0 && figures.acknowledged > 0, "\(figures.name) did nothing")
                print(
                    "\(figures.name), seed \(figures.seed): \(figures.cycles) cycles, \(figures.acknowledged) writes acknowledged"
                )
            }
        }
    }
}
