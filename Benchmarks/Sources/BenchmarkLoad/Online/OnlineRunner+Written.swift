internal import FeatureModel

extension OnlineRunner {
    public static let writtenRowsPerSecond = 200_000

    /// Names of the measures of the case written.
    public enum WrittenMeasure {
        public static let rows = "rows/s written"
        public static let snapshotMilliseconds = "ms a snapshot"
    }

    private static let writeRows = 1_000
    /// Of the quiet capacity.
    private static let share = 0.4
    private static let connections = 8
    /// In an open loop a request does not wait for the one before on its connection.
    private static let openDepth = 16

    /// Reads in an open loop at 40 % of what the quiet store answers: quiet, while rows are written, while snapshots are taken.
    func written() throws(HeadwaterError) -> OnlineCase {
        let target = GetTarget([Self.wide])
        let stand = try store(with: [Self.wide, Self.narrow])
        let full = try headwater(target, rows: 100, connections: Self.connections, depth: 1)
        let capacities = try alternate([full])[0].rounds.map(\.result.requestsPerSecond).sorted()
        let reads = try headwater(target, rows: 100, connections: Self.connections, depth: Self.openDepth)
        let rate = max(capacities[capacities.count / 2] * Self.share, 1)
        reads.stream.rate = rate
        let rows = min(Self.writeRows, options.rows)
        let writes = try stand.writes(
            Self.narrow, requests: min(200, max(1, options.rows / rows)), rowsEach: rows, of: options.rows, depth: 64)
        writes.rate = Double(Self.writtenRowsPerSecond) / Double(rows)
        let snapshots = try stand.snapshots()

        var figures = OnlineCase(
            .written, "get 100 × 50 at \(Int(rate)) requests/s, 40 % of quiet; writes: 200,000 rows/s × 10 int64")
        let loads: [(name: String, others: [LoadStream])] = [
            (OnlineSystemName.quiet, []), (OnlineSystemName.whileWritten, [writes]),
            (OnlineSystemName.whileSnapshot, [snapshots]),
        ]
        figures.systems = loads.map { OnlineSystem(name: $0.name, rowsEach: 100) }
        var writtenRows: [Double] = []
        var snapshotSeconds: [Double] = []
        for number in 0..<options.rounds {
            for (index, load) in loads.enumerated() {
                let measured = try reads.round(
                    warmUp: options.warmUpSeconds, seconds: options.seconds, seed: UInt64(number + 1), others: load.others)
                figures.systems[index].rounds.append(measured.round)
                guard let other = measured.others.first else { continue }
                let perSecond = other.answeredPerSecond
                if index == 1 {
                    writtenRows.append(perSecond * Double(rows))
                } else {
                    snapshotSeconds.append(1 / max(perSecond, 1e-9))
                }
            }
        }
        figures.measures = [
            OnlineMeasure(name: WrittenMeasure.rows, values: writtenRows),
            OnlineMeasure(name: WrittenMeasure.snapshotMilliseconds, values: snapshotSeconds.map { $0 * 1_000 }),
        ]
        return figures
    }
}
