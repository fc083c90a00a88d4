import FaultSweeps
import Testing

/// P8 under threads. `sweep vectors --seconds 60` runs it for longer; `make sabotage` shows that it sees torn vectors.
@Suite struct VectorStressTests {
    @Test func noVectorIsTornWhileRecordsOverManyGroupsAreApplied() throws {
        let report = try VectorStress().run(seconds: 1.5)
        print("\(report.vectors) vectors beside \(report.writes) records and \(report.snapshots) snapshots: \(report.torn) torn")
        #expect(report.torn == 0, "\(report.firstTorn ?? "")")
        #expect(report.vectors > 20 && report.writes > 20 && report.snapshots > 2)
    }
}
